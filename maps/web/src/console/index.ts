/** What a dispatcher's desk has beyond the map; loaded after it. */

import "./console.css";
import { nothing, type TemplateResult } from "lit";
import { consoleEn } from "../i18n/console.en.ts";
import { consoleZh } from "../i18n/console.zh.ts";
import { learn } from "../i18n/index.ts";
import type { CallOut } from "../shared/types.ts";
import "./call.ts";
import { countdown } from "./countdown.ts";
import "./handover.ts";
import "./intake.ts";
import "./joint.ts";
import "./messages.ts";
import { loadTables, type Tables } from "./tables.ts";
import { pressing } from "./timers.ts";

export { waiting } from "./joint.ts";
export { deskTools } from "./tools.ts";
export { drawLayers, stopLayers } from "./overlays.ts";

learn(consoleZh, consoleEn);

let tables: Tables | null = null;
void loadTables().then((loaded) => { tables = loaded; }, () => undefined);

/** The most pressing timer of a call, in its row. */
export const callNote = (call: CallOut, now_ms: number): TemplateResult | typeof nothing => (tables ? countdown(pressing(call, tables.timers, now_ms)) : nothing);
