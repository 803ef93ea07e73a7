/** What an area is watched for: the fields of a rule, and a rule in words. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import type { Rule } from "./drawing.ts";

export const TRIGGERS = ["enter", "leave", "dwell", "cross"];
const SEVERITIES = ["notice", "warning", "urgent"];
const UNIT_KINDS = ["car", "motorcycle", "foot", "van", "drone_team", "command"];

export const ruleFields = (trigger: string): TemplateResult => html`
  ${trigger === "dwell" ? html`<label class="field"><span>${t("operator.dwell_min")}</span><input class="input" type="number" name="dwell_min" min="1" max="10080" value="10" required /></label>` : nothing}
  <label class="field"><span>${t("operator.severity")}</span><select class="input" name="severity">${SEVERITIES.map((one) => html`<option value=${one}>${code("area.severity", one)}</option>`)}</select></label>
  <fieldset><legend>${t("operator.unit_kinds")}</legend>${UNIT_KINDS.map((kind) => html`<label class="check"><input type="checkbox" name="unit_kind" value=${kind} />${code("unit.kind", kind)}</label>`)}</fieldset>`;

/** The rule that a form says. */
export function ruleOf(trigger: string, said: FormData): Record<string, unknown> {
  const kinds = said.getAll("unit_kind").map(String);
  const dwell_s = trigger === "dwell" ? Number(said.get("dwell_min")) * 60 : null;
  return { trigger, dwell_s, severity: said.get("severity"), unit_kinds: kinds.length ? kinds : null };
}

/** Whoever stays longer than 10 min: urgent; cars. */
export function ruleWords(rule: Rule): string {
  const what = code("area.trigger", rule.trigger) + (rule.dwell_s ? ` ${t("operator.minutes", { n: Math.round(rule.dwell_s / 60) })}` : "");
  const who = rule.unit_kinds?.map((kind) => code("unit.kind", kind)).join(t("list.and")) ?? t("operator.every_device");
  return `${what} · ${code("area.severity", rule.severity)} · ${who}`;
}
