/** Response times (处警时效) by kind, division, beat or hour against the targets; as a page, a CSV and a map. */

import "./reports.css";
import { html, nothing, type TemplateResult } from "lit";
import { code, learn, t, type Key } from "../i18n/index.ts";
import { planningEn } from "../i18n/planning.en.ts";
import { planningZh } from "../i18n/planning.zh.ts";
import { loadTables, say, type Tables } from "../console/tables.ts";
import { areas, loadAreas } from "../map/areas.ts";
import { get, query, save, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { dayField } from "../shared/moment.ts";
import { Part } from "../shared/part.ts";
import { prefs } from "../shared/prefs.ts";
import { beijingDay, DAY_MS, dayStart, duration, minutesSeconds } from "../shared/time.ts";

learn(planningZh, planningEn);

const BY = ["kind", "division", "beat", "hour"] as const;
type By = (typeof BY)[number];
const BINS = ["sign_for", "set_out", "feedback"] as const;
const NOWHERE = "-";

interface Row {
  key: string;
  calls: number;
  arrived: number;
  mean_s: number | null;
  p50_s: number | null;
  p90_s: number | null;
  on_time: number;
  on_time_share: number | null;
}

interface Report {
  by: By;
  rows: Row[];
  total: Row;
  bins: Record<(typeof BINS)[number], { up_to_s: number | null; count: number }[]>;
}

const time = (seconds: number | null): string => (seconds === null ? "—" : minutesSeconds(seconds));

export class ReportsPage extends Part {
  private from = beijingDay(Date.now() - 6 * DAY_MS);
  private to = beijingDay(Date.now());
  private by: By = "kind";
  private report: Report | null = null;
  private tables: Tables | null = null;
  private loading = false;
  private failure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    const asked = new URLSearchParams(location.search);
    [this.from, this.to] = [asked.get("from") ?? this.from, asked.get("to") ?? this.to];
    this.by = BY.find((by) => by === asked.get("by")) ?? this.by;
    void loadAreas().then(() => this.requestUpdate());
    void loadTables().then((tables) => { this.tables = tables; this.requestUpdate(); }, () => undefined);
    void this.load();
  }

  /** What is asked for, as the server takes it; null when the days are none. */
  private get span(): Record<string, string> | null {
    const [start_ms, last_ms] = [dayStart(this.from), dayStart(this.to)];
    if (!(start_ms <= last_ms)) return null;
    return { start: new Date(start_ms).toISOString(), end: new Date(last_ms + DAY_MS).toISOString(), by: this.by };
  }

  private async load(): Promise<void> {
    const { span } = this;
    Object.assign(this, { failure: span ? "" : t("field.days_wrong"), loading: span !== null });
    this.requestUpdate();
    if (!span) return;
    history.replaceState(null, "", `/reports${query({ from: this.from, to: this.to, by: this.by })}`);
    try {
      this.report = await get<Report>(`/reports/response${query(span)}`);
    } catch (error) {
      Object.assign(this, { report: null, failure: sentence(error) });
    }
    this.loading = false;
    this.requestUpdate();
  }

  private choose(event: SubmitEvent): void {
    event.preventDefault();
    const values = new FormData(event.target as HTMLFormElement);
    const word = (name: string): string => String(values.get(name)).trim();
    Object.assign(this, { from: word("from"), to: word("to"), by: word("by") });
    void this.load();
  }

  override render(): TemplateResult {
    return html`<div class="sheet reports"><h1>${t("reports.title")}</h1>
      <form class="report-form" novalidate @submit=${(event: SubmitEvent) => this.choose(event)}>${dayField("from", t("reports.from"), this.from)}${dayField("to", t("reports.to"), this.to)}
        <label class="field"><span>${t("reports.by")}</span><select class="input" name="by">${BY.map((by) => html`<option value=${by} ?selected=${by === this.by}>${t(`reports.by.${by}` as Key)}</option>`)}</select></label>
        <button class="button primary" ?disabled=${this.loading}>${t("reports.make")}</button></form>
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      ${this.loading ? html`<p class="message" role="status"><span class="spinner"></span>${t("live.loading")}</p>` : this.report && !this.failure ? this.answer(this.report) : nothing}</div>`;
  }

  private answer(report: Report): TemplateResult {
    const span = this.span ?? {};
    const targets = this.tables?.targets;
    return html`<div class="actions"><button class="button" @click=${() => void save(`/reports/response.csv${query(span)}`)}>${icon("report")}${t("reports.csv")}</button>
        <a class="button" target="_blank" rel="noopener" href="/reports/response.html${query({ ...span, lang: prefs.language })}">${icon("window")}${t("reports.map")}</a></div>
      ${targets ? html`<p class="hint">${t("reports.target", { town: targets.town_s / 60, edge: targets.edge_s / 60 })}</p>` : nothing}
      ${report.total.calls ? html`${this.table(report)}${this.bins(report)}` : html`<p class="empty">${t("reports.none")}</p>`}`;
  }

  private table(report: Report): TemplateResult {
    const line = (row: Row, name: string): TemplateResult => html`<tr><th scope="row">${name}</th><td class="number">${row.calls}</td><td class="number">${row.arrived}</td><td class="number">${time(row.p50_s)}</td><td class="number">${time(row.mean_s)}</td><td class="number">${time(row.p90_s)}</td>
      <td class="share">${row.on_time_share === null ? "—" : html`<meter min="0" max="1" value=${row.on_time_share} aria-hidden="true"></meter><span>${Math.round(row.on_time_share * 100)}% <small>${row.on_time}/${row.arrived}</small></span>`}</td></tr>`;
    const heads: Key[] = ["reports.calls", "reports.arrived", "reports.median", "reports.mean", "reports.p90", "reports.share"];
    return html`<section class="card"><div class="wide" tabindex="0" role="region" aria-label=${t("reports.title")}><table class="report-table"><caption class="visually-hidden">${t("reports.title")}</caption>
      <thead><tr><th scope="col">${t(`reports.by.${report.by}` as Key)}</th>${heads.map((head) => html`<th scope="col">${t(head)}</th>`)}</tr></thead>
      <tbody>${report.rows.map((row) => line(row, this.name(report.by, row.key)))}</tbody><tfoot>${line(report.total, t("reports.all"))}</tfoot></table></div></section>`;
  }

  private bins(report: Report): TemplateResult {
    return html`<section class="card"><h2>${t("reports.bins")}</h2><div class="columns">${BINS.map((name) => html`<table class="report-table"><caption>${t(`reports.${name}` as Key)}</caption>
      <tbody>${report.bins[name].map((bin) => html`<tr><th scope="row">${bin.up_to_s === null ? t("reports.later") : t("reports.up_to", { span: duration(bin.up_to_s) })}</th><td class="number">${bin.count}</td></tr>`)}</tbody></table>`)}</div></section>`;
  }

  private name(by: By, key: string): string {
    if (key === NOWHERE) return t("reports.nowhere");
    if (by === "division") return areas.name(key);
    if (by === "hour") return t("reports.hour", { from: Number(key), to: Number(key) + 1 });
    const kind = this.tables?.kinds.find((one) => one.code === key);
    return by === "beat" ? key : kind ? say(kind.name) : code("call.kind", key);
  }
}

customElements.define("tianshu-reports", ReportsPage);
