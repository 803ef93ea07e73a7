/**
 * Fields for a day and for a moment, always in Beijing time, 24 hours, and in the one form that the pages write them in:
 * a browser's own fields follow its language. The arrows go from day to day.
 */

import { html, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { beijingDay, DAY_MS, dayStart } from "./time.ts";

const DAY = "\\d{4}-\\d{2}-\\d{2}";
const STEPS: Record<string, number> = { ArrowUp: 1, ArrowDown: -1 };

function step(event: KeyboardEvent): void {
  const field = event.target as HTMLInputElement;
  const [by, start_ms] = [STEPS[event.key], dayStart(field.value.slice(0, 10))];
  if (by === undefined || Number.isNaN(start_ms)) return;
  event.preventDefault();
  field.value = beijingDay(start_ms + by * DAY_MS) + field.value.slice(10);
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

const field = (name: string, label: string, value: string, form: { pattern: string; example: string; required?: boolean }): TemplateResult =>
  html`<label class="field"><span>${t("field.beijing", { label })}</span><input class="input moment" name=${name} inputmode="numeric" autocomplete="off" spellcheck="false" ?required=${form.required ?? true}
    pattern=${form.pattern} placeholder=${form.example} title=${t("field.moment_hint", { example: form.example })} .value=${value} @keydown=${step} /></label>`;

/** `value`: 2026-11-21 */
export const dayField = (name: string, label: string, value = ""): TemplateResult => field(name, label, value, { pattern: DAY, example: beijingDay(Date.now()) });

/** `value`: 2026-11-21 08:00; what it holds is read with `fromBeijing`. */
export const momentField = (name: string, label: string, value = "", required = true): TemplateResult =>
  field(name, label, value, { required, pattern: `${DAY}[ T]([01]\\d|2[0-3]):[0-5]\\d`, example: `${beijingDay(Date.now())} 08:00` });
