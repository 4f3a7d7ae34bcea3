// The types by which Lance's "Export to CSV" is published: what its callers are written against. They must fit the API as they are.

export interface ListFilter {
  any?: { include?: string[]; exclude?: string[] };
  all?: { include?: string[]; exclude?: string[] };
}

export interface MatchedList {
  mode?: "SMART" | "WORD" | "STRICT";
  content: string[];
}

export interface MatchedFilter {
  any?: { include?: MatchedList; exclude?: MatchedList };
  all?: { include?: MatchedList; exclude?: MatchedList };
}

export interface RangeFilter {
  type: "RANGE" | "ALL" | "NONE";
  range?: { start?: number; end?: number }[];
}

export interface ContactFilters {
  fullName?: MatchedFilter;
  location?: ListFilter;
  seniority?: ListFilter;
  departmentAndFunction?: ListFilter;
  skill?: MatchedFilter;
  language?: MatchedFilter;
  education?: { school?: ListFilter; degree?: MatchedFilter; fieldOfStudy?: MatchedFilter };
  experience?: { current?: { title?: MatchedFilter }; previous?: { title?: MatchedFilter } };
}

export interface AccountFilters {
  nameOrDomain?: MatchedFilter;
  industry?: ListFilter;
  location?: ListFilter;
  employeeSize?: RangeFilter;
  revenue?: RangeFilter;
  type?: ListFilter;
}

export interface BulkSelectionPayload {
  mode: "manual" | "bulk";
  includedIds?: string[];
  excludedIds?: string[];
  startIndex?: number;
  targetCount?: number;
  filters?: { contact?: ContactFilters; account?: AccountFilters };
}

export type ExportField =
  | "name"
  | "emails"
  | "phones"
  | "linkedinUrl"
  | "city"
  | "postalCode"
  | "country"
  | "jobTitle"
  | "seniority"
  | "departments"
  | "functions"
  | "industry"
  | "skills"
  | "languages"
  | "companyName"
  | "companyLegalName"
  | "companyWebsite"
  | "companyLinkedin"
  | "companyPhone"
  | "companyCity"
  | "companyPostalCode"
  | "companyCountry"
  | "companyIndustry"
  | "companyHeadcount"
  | "companyRevenue"
  | "companyFoundedYear"
  | "companySummary";

export interface ExportRequest {
  selection: BulkSelectionPayload;
  exportFields?: ExportField[];
}
