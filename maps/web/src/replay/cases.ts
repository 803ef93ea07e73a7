/** Replaying inside an authorisation of a case: which are approved, which units they name, how the server is told. */

import { all } from "../shared/api.ts";

export interface Authorisation {
  case_no: string;
  state: string;
  subjects: string[];
}

/** The approved authorisations that the officer may see. */
export const loadCases = async (): Promise<Authorisation[]> => (await all<Authorisation>("/authorisations?limit=200")).filter((one) => one.state === "approved");

/** The units that a case names; without a case chosen, those of the first. */
export function subjectUnits(cases: readonly Authorisation[], caseNo: string): number[] {
  const chosen = cases.find((one) => one.case_no === caseNo) ?? cases[0];
  return (chosen?.subjects ?? []).filter((subject) => subject.startsWith("unit:")).map((subject) => Number(subject.slice("unit:".length)));
}

/** The header that names a case; what it permits is the server's business. */
export const caseHeader = (caseNo: string): Record<string, string> => (caseNo ? { "tianshu-case": encodeURIComponent(caseNo) } : {});
