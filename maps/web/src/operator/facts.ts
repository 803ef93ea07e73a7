/** Values of any shape as a list of facts. */

import { html, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { dayTime } from "../shared/time.ts";

const LONG = 12;
const MOMENT = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)$/;

const listed = (values: unknown[]): string => {
  const some = values.slice(0, LONG).map((each) => (typeof each === "object" ? JSON.stringify(each) : String(each)));
  return some.join(", ") + (values.length > LONG ? ` … (${values.length})` : "");
};

/** A value as people read it; its name tells codes from texts, and speeds, which people know in km/h. */
export const shown = (value: unknown, name = ""): TemplateResult | string => {
  if (name === "form" && typeof value === "string") return code("form", value);
  if (name.endsWith("_mps") && typeof value === "number") return `${value} (${Math.round(value * 36) / 10} km/h)`;
  if (Array.isArray(value)) return listed(value);
  if (value === null) return "—";
  if (typeof value === "object") return facts(value as Record<string, unknown>);
  if (typeof value === "boolean") return t(value ? "operator.yes" : "operator.no");
  if (typeof value === "string" && MOMENT.test(value)) return dayTime(value);
  return String(value);
};

/** Whether a value says anything. */
const told = (value: unknown): boolean => value !== null && value !== "" && (typeof value !== "object" || Object.keys(value).length > 0);

export const facts = (values: Record<string, unknown>): TemplateResult =>
  html`<dl class="facts">${Object.entries(values).filter(([, value]) => told(value)).map(([name, value]) => html`<dt>${code("field", name)}</dt><dd>${shown(value, name)}</dd>`)}</dl>`;
