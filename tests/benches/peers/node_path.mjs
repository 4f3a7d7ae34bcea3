// The same job as most Lambdas do it: AWS SDK v3, unmarshall, csv-stringify, lib-storage.
import { PassThrough } from "node:stream";
import { DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { stringify } from "csv-stringify/sync";

const COLUMNS = ["lead_id", "name", "first_name", "last_name", "email", "emails", "phone", "phones", "address", "city", "state", "zip",
  "country", "status", "annual_income", "details", "notes", "opted_in", "roof_type", "homeowner", "campaign", "channel", "created_at",
  "updated_at", "source_id"];
const STATUS = new Set(["active", "sold", "duplicate"]);
const dynamodb = new DynamoDBClient({ endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB });
const s3 = new S3Client({ endpoint: process.env.AWS_ENDPOINT_URL_S3, forcePathStyle: true });

const sorted = (value) => Array.isArray(value) ? value.map(sorted)
  : value && typeof value === "object" ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value;
const text = (value) => value === undefined || value === null ? ""
  : Array.isArray(value) ? value.map(text).filter((item) => item !== "").join(", ")
  : typeof value === "object" ? JSON.stringify(sorted(value)) : String(value);
const TRIGGER = /^[ \u00a0']*[=+\-@\t\r\n\0]/;
const PHONE = /^\+[ (]*[0-9][0-9 ()./-]*$/;
const guarded = (cell) => TRIGGER.test(cell) && !PHONE.test(cell) ? `'${cell}` : cell;
const cell = (lead, column) => {
  switch (column) {
    case "name": return [text(lead.first_name), text(lead.last_name)].filter((part) => part !== "").join(" ");
    case "emails": return text(lead.emails) || text(lead.email);
    case "phones": return text(lead.phones) || text(lead.phone);
    case "source_id": return "canned";
    default: return text(lead[column]);
  }
};

async function* pages(shard) {
  let start;
  do {
    const answer = await dynamodb.send(new QueryCommand({
      TableName: "canned-leads", KeyConditionExpression: "#p = :p AND #s BETWEEN :a AND :b",
      ExpressionAttributeNames: { "#p": "PK", "#s": "SK" },
      ExpressionAttributeValues: { ":p": { S: `acme#canned#${shard}` }, ":a": { S: "" }, ":b": { S: "2025" } },
      ConsistentRead: true, ExclusiveStartKey: start,
    }));
    yield answer.Items.map((item) => unmarshall(item));
    start = answer.LastEvaluatedKey;
  } while (start);
}

const body = new PassThrough({ highWaterMark: 8 << 20 });
const upload = new Upload({
  client: s3, queueSize: 2, partSize: 8 << 20,
  params: { Bucket: "canned-files", Key: "files/peer/node", Body: body },
});
const done = upload.done();
const options = { record_delimiter: "\r\n", quoted_match: /[\r\n]/ };
body.write(stringify([COLUMNS], options));
const shards = await Promise.all([...Array(8).keys()].map(async (shard) => {
  const source = pages(shard);
  return { source, ahead: source.next(), rows: [], at: 0 };
}));
const fill = async (shard) => {
  while (shard.rows && shard.at >= shard.rows.length) {
    const { value, done: ended } = await shard.ahead;
    shard.rows = ended ? null : value;
    shard.at = 0;
    if (!ended) shard.ahead = shard.source.next();
  }
};
for (const shard of shards) await fill(shard);
let out = [];
for (;;) {
  let least;
  for (const shard of shards) {
    if (shard.rows && (!least || shard.rows[shard.at].SK < least.rows[least.at].SK)) least = shard;
  }
  if (least) {
    const lead = least.rows[least.at++];
    if (STATUS.has(text(lead.status).toLowerCase()) && lead.annual_income >= 20000) {
      out.push(COLUMNS.map((column) => guarded(cell(lead, column))));
    }
    if (least.at >= least.rows.length) await fill(least);
  }
  if (out.length >= 1000 || !least) {
    if (!body.write(stringify(out, options))) await new Promise((resolve) => body.once("drain", resolve));
    out = [];
  }
  if (!least) break;
}
body.end();
await done;
