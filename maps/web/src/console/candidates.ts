/** Who could come, soonest first, each with its reason and what it would leave uncovered; who was left out, and why. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { reasonWords } from "../live/reasons.ts";
import { areas } from "../map/areas.ts";
import { duration } from "../shared/time.ts";
import type { Recommendation } from "../shared/types.ts";

export interface Candidates {
  recommended: Recommendation[];
  left_out: { unit: { id: number; call_sign: string; kind: string }; why: string; values: Record<string, number | string | null> }[];
  network: string | null;
}

export interface CandidateActions {
  busy: boolean;
  send(unitId: number, callSign: string, level: "dispatched" | "proposed"): void;
  show(unitId: number): void;
}

const MOST_BEATS = 3;
const percent = (share: number): number => Math.round(share * 100);

export function candidates(found: Candidates, does: CandidateActions): TemplateResult {
  return html`${found.network === null && found.recommended.length ? html`<p class="message warning">${t("call.no_network")}</p>` : nothing}
    ${found.recommended.length ? nothing : html`<p class="message">${t("call.no_recommendation")}</p>`}
    <ul class="entries recommended">${found.recommended.map((item) => candidate(item, does))}</ul>${leftOut(found)}`;
}

function candidate(item: Recommendation, does: CandidateActions): TemplateResult {
  const { unit } = item;
  return html`<li class="entry"><div class="entry-row">
      <button class="minutes" title=${`${t("alert.show")} ${unit.call_sign}`} @click=${() => does.show(unit.id)}><b>${(item.time_s / 60).toFixed(1)}</b><small>${t("time.minutes")}</small></button>
      <span class="row-main"><b>${unit.call_sign}</b><small>${code("unit.kind", unit.kind)}${item.mode === "walk" ? html` · ${t("call.on_foot")}` : nothing}</small></span>
      <span class="entry-buttons"><button class="button primary" data-send ?disabled=${does.busy} aria-label="${t("call.assign")} ${unit.call_sign}" @click=${() => does.send(unit.id, unit.call_sign, "dispatched")}>${t("call.assign")}</button>
      <button class="button" ?disabled=${does.busy} aria-label="${t("call.propose")} ${unit.call_sign}" title=${t("call.propose_hint")} @click=${() => does.send(unit.id, unit.call_sign, "proposed")}>${t("call.propose")}</button></span></div>
    <p class="reason">${item.estimated ? html`<span class="tag warning" title=${t("call.estimated_hint")}>${t("call.estimated")}</span> ` : nothing}${reasonWords(item)}</p>${leaves(item)}</li>`;
}

/** 调走后 5 分钟内无车可达：神农巡区 31%、体育中心巡区 全部（共减少 4%）；无巡区处以县区为名 */
function leaves({ leaves: gap }: Recommendation): TemplateResult | typeof nothing {
  if (!gap || percent(gap.lost_share) < 1) return nothing;
  const beats = gap.beats.slice(0, MOST_BEATS).map(({ name, lost_share }) => t(lost_share > 0.99 ? "call.leaves_all" : "call.leaves_one", { name, share: Math.max(1, percent(lost_share)) }));
  const named = beats.length ? beats : divisions(gap.places);
  const values = { minutes: gap.minutes, share: percent(gap.lost_share), beats: named.join(t("list.and")) };
  return html`<p class="reason leaves">${t(named.length ? "call.leaves_beats" : "call.leaves", values)}</p>`;
}

/** Where no beat is drawn, the divisions that most of the places lie in. */
function divisions(places: [number, number][]): string[] {
  const counts = new Map<string, number>();
  for (const [lon_deg, lat_deg] of places) {
    const adcode = areas.at(lon_deg, lat_deg);
    if (adcode) counts.set(adcode, (counts.get(adcode) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, MOST_BEATS).map(([adcode]) => areas.name(adcode));
}

function leftOut(found: Candidates): TemplateResult | typeof nothing {
  if (!found.left_out.length) return nothing;
  return html`<details class="left-out"><summary>${t("call.left_out", { n: found.left_out.length })}</summary><ul>${found.left_out.slice(0, 40).map((one) => {
    const age_s = Number(one.values["age_s"] ?? 0);
    return html`<li><b>${one.unit.call_sign}</b><span>${t(`left_out.${one.why}` as Key, { span: duration(age_s) })}</span></li>`;
  })}</ul></details>`;
}
