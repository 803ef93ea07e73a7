/** A countdown that says what it waits for; past its end it counts up and says that it is late, not by colour alone. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { icon } from "../shared/icons.ts";
import type { Timer } from "./timers.ts";

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export function countdown(timer: Timer | null): TemplateResult | typeof nothing {
  if (!timer) return nothing;
  const late = timer.left_s < 0;
  const words = t(`timer.${timer.what}` as Key);
  return html`<span class="countdown" data-timer=${timer.what} ?data-late=${late} role="timer" title=${words}>${icon(late ? "late" : "clock")}<span>${words}</span><b>${late ? t("timer.late", { span: clock(-timer.left_s) }) : clock(timer.left_s)}</b></span>`;
}
