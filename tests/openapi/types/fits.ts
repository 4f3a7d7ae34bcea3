// What is written against the published types must compile against those made of the API's description (document.ts, by
// openapi-typescript): every published request is one that the API takes. It is compiled, never run.
import type { paths } from "./document";
import type { AccountFilters, BulkSelectionPayload, ContactFilters, ExportRequest } from "./published";

type Request = paths["/api/v1/operations/export"]["post"]["requestBody"]["content"]["application/json"];
type Filters = NonNullable<paths["/sources/{source}/exports"]["post"]["requestBody"]>["content"]["application/json"]["filters"];

export const request = (published: ExportRequest): Request => published;
export const selection = (published: BulkSelectionPayload): Request["selection"] => published;
export const contact = (published: ContactFilters): Filters => ({ contact: published });
export const account = (published: AccountFilters): Filters => ({ account: published });
// And back: nothing that the description names is missing from the published ones.
export const payload = (described: Request["selection"]): { [name in keyof BulkSelectionPayload]: unknown } => described;

// What must not compile, or the lines above would prove nothing.
// @ts-expect-error a mode that there is not
export const mode: Request = { selection: { mode: "all" } };
// @ts-expect-error no selection
export const none: Request = { exportFields: ["name"] };
// @ts-expect-error a field that there is not
export const field: Request = { selection: { mode: "manual", includedIds: ["a"] }, exportFields: ["foo"] };
// @ts-expect-error a number for an id
export const id: Request = { selection: { mode: "manual", includedIds: [1] } };
// @ts-expect-error a filter's name misspelled
export const filter: Filters = { contact: { senority: { any: { include: ["vp"] } } } };
