/** A command to one device, in the fields of its kind. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { all, post, sentence } from "../shared/api.ts";
import { FORMS, type Area } from "./drawing.ts";
import { Part } from "../shared/part.ts";
import { session } from "../shared/session.ts";

const CONFIGURING = ["set_parameters", "restart", "set_area", "delete_areas"];
const KINDS = ["position_now", "text", "track", "query_attributes", "query_parameters", "query_areas", ...CONFIGURING];
/** More segments than these get no field each. */
const MOST_SEGMENTS = 40;
const KMH = 3.6;
/** Name, least, most; the server says the same. */
const PARAMETERS: [string, number, number][] = [
  ["heartbeat_s", 5, 3600], ["default_interval_s", 1, 86_400], ["alarm_interval_s", 1, 3600], ["sleep_interval_s", 1, 86_400],
  ["default_distance_m", 1, 100_000], ["turn_angle_deg", 1, 179], ["fence_radius_m", 1, 65_535], ["max_speed_mps", 0, 100],
  ["overspeed_s", 0, 3600], ["report_strategy", 0, 2], ["gnss_systems", 1, 15], ["tcp_timeout_s", 1, 600], ["tcp_retries", 0, 100],
];
const VALID: [number, Key][] = [[600, "operator.valid_10min"], [3600, "operator.valid_1h"], [86_400, "operator.valid_1d"]];

export class CommandForm extends Part {
  static override properties = { device: { attribute: false } };

  declare device: number;
  private kind = "position_now";
  private parameter = 0;
  private areas: Area[] | null = null;
  private area: number | null = null;
  private form: string = FORMS[0];
  private failure = "";
  private done = "";

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("device")) this.failure = this.done = "";
  }

  private pick(kind: string): void {
    this.kind = kind;
    this.failure = this.done = "";
    if (kind.endsWith("_area") || kind.endsWith("_areas")) void this.loadAreas();
    this.requestUpdate();
  }

  private async loadAreas(): Promise<void> {
    try {
      this.areas = await all<Area>("/areas?limit=500");
    } catch (error) {
      return this.refuse(sentence(error));
    }
    this.area ??= this.areas.find(({ form }) => form !== null)?.id ?? null;
    this.requestUpdate();
  }

  private refuse(words: string): void {
    this.failure = words;
    this.done = "";
    this.requestUpdate();
  }

  private said(form: FormData): Record<string, unknown> {
    const words = (name: string): string => String(form.get(name) ?? "").trim();
    const number = (name: string): number | undefined => (words(name) ? Number(words(name)) : undefined);
    const speed = (kmh: string): number | null => (kmh ? Number(kmh) / KMH : null);
    const ids = [...new Set([...form.getAll("area").map(String), ...words("ids").split(/[\s,，]+/)].filter(Boolean).map(Number))];
    switch (this.kind) {
      case "text":
        return { text: words("text"), urgent: form.has("urgent"), read_out: form.has("read_out") };
      case "track":
        return { interval_s: number("interval_s"), validity_s: (number("minutes") ?? 10) * 60 };
      case "set_parameters":
        return { values: { [PARAMETERS[this.parameter]?.[0] ?? ""]: number("value") } };
      case "set_area": {
        const segments = form.getAll("segment").map((kmh) => speed(String(kmh)));
        return { area_id: number("area_id"), max_speed_mps: speed(words("max_speed_kmh")), segment_speeds_mps: segments.some((one) => one !== null) ? segments : [],
          tell_driver: form.has("tell_driver"), daily_from: words("daily_from") || null, daily_to: words("daily_to") || null };
      }
      case "delete_areas":
      case "query_areas":
        return { form: words("form"), ids };
      default:
        return {};
    }
  }

  private async send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const said = this.said(form);
    if (this.kind === "delete_areas" && !(said["ids"] as number[]).length && !form.has("all")) return this.refuse(t("operator.ids_needed"));
    try {
      await post(`/devices/${this.device}/commands`, { kind: this.kind, expires_in_s: Number(form.get("valid")), ...said });
      this.failure = "";
      this.done = t("operator.asked_now");
    } catch (error) {
      return this.refuse(sentence(error));
    }
    dispatchEvent(new CustomEvent("tianshu:commanded"));
    this.requestUpdate();
  }

  override render(): TemplateResult {
    const kinds = KINDS.filter((kind) => !CONFIGURING.includes(kind) || session.may("configure_device"));
    return html`<form @submit=${(event: SubmitEvent) => void this.send(event)}>
      <label class="field"><span>${t("operator.kind")}</span><select class="input" name="kind" @change=${(event: Event) => this.pick((event.target as HTMLSelectElement).value)}>
        ${kinds.map((kind) => html`<option value=${kind} ?selected=${kind === this.kind}>${code("command", kind)}</option>`)}</select></label>
      ${this.fields()}
      <label class="field"><span>${t("operator.valid")}</span><select class="input" name="valid">${VALID.map(([seconds, words]) => html`<option value=${seconds} ?selected=${seconds === 3600}>${t(words)}</option>`)}</select></label>
      <button class="button primary">${t("operator.send")}</button>
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <div role="status">${this.done ? html`<p class="message ok">${this.done}</p>` : nothing}</div></form>`;
  }

  private fields(): TemplateResult | typeof nothing {
    switch (this.kind) {
      case "text":
        return html`<label class="field"><span>${t("operator.text")}</span><textarea class="input" name="text" maxlength="500" required></textarea></label>
          ${this.check("urgent", "operator.urgent")}${this.check("read_out", "operator.read_out")}`;
      case "track":
        return html`${this.number("interval_s", "operator.interval_s", 0, 65_535, "5")}${this.number("minutes", "operator.for_min", 1, 10_080, "10")}`;
      case "set_parameters":
        return this.parameterFields();
      case "set_area":
        return this.areaFields();
      case "delete_areas":
      case "query_areas":
        return html`<label class="field"><span>${t("operator.form")}</span><select class="input" name="form" @change=${(event: Event) => { this.form = (event.target as HTMLSelectElement).value; this.requestUpdate(); }}>${FORMS.map((form) => html`<option value=${form} ?selected=${form === this.form}>${code("form", form)}</option>`)}</select></label>
          ${this.known()}<label class="field"><span>${t("operator.ids")}</span><input class="input" name="ids" pattern="[0-9\\s,，]*" autocomplete="off" /></label>
          ${this.kind === "delete_areas" ? this.check("all", "operator.delete_all") : nothing}`;
      default:
        return nothing;
    }
  }

  private parameterFields(): TemplateResult {
    const [, least, most] = PARAMETERS[this.parameter] ?? ["", 0, 0];
    const pick = (event: Event): void => { this.parameter = (event.target as HTMLSelectElement).selectedIndex; this.requestUpdate(); };
    return html`<label class="field"><span>${t("operator.parameter")}</span><select class="input" @change=${pick}>${PARAMETERS.map(([name], i) => html`<option ?selected=${i === this.parameter}>${code("field", name)}</option>`)}</select></label>
      ${this.number("value", "operator.value", least, most)}`;
  }

  private areaFields(): TemplateResult {
    const one = this.areas?.find(({ id }) => id === this.area);
    const segments = one?.line && "coordinates" in one.line ? one.line.coordinates.length - 1 : 0;
    const pick = (event: Event): void => { this.area = Number((event.target as HTMLSelectElement).value); this.requestUpdate(); };
    return html`<label class="field"><span>${t("operator.area")}</span><select class="input" name="area_id" required @change=${pick}>${(this.areas ?? []).map((area) => html`<option value=${area.id} ?selected=${area.id === this.area}>${area.name} · ${area.form ? code("form", area.form) : t("operator.no_form")}</option>`)}</select></label>
      ${one && !one.form ? html`<p class="message warning">${t("operator.no_form_hint")}</p>` : nothing}${this.areas?.length === 0 ? html`<p class="message">${t("operator.no_areas_yet")}</p>` : nothing}
      ${this.number("max_speed_kmh", "operator.max_speed", 1, 360, "", false)}
      ${segments > 1 && segments <= MOST_SEGMENTS ? html`<details><summary>${t("operator.segments")}</summary><div class="segments">${Array.from({ length: segments }, (_, i) => html`<label class="field"><span>${t("operator.segment", { n: i + 1 })}</span><input class="input" type="number" name="segment" min="1" max="360" step="any" /></label>`)}</div></details>` : nothing}
      <div class="window"><label class="field"><span>${t("operator.daily_from")}</span><input class="input" type="time" name="daily_from" /></label><label class="field"><span>${t("operator.daily_to")}</span><input class="input" type="time" name="daily_to" /></label></div>
      ${this.check("tell_driver", "operator.tell_driver")}`;
  }

  /** The areas of the map in this form, to tick. */
  private known(): TemplateResult | typeof nothing {
    const fitting = (this.areas ?? []).filter(({ form }) => form === this.form);
    return fitting.length ? html`<fieldset><legend>${t("operator.areas_of_map")}</legend>${fitting.map((area) => html`<label class="check"><input type="checkbox" name="area" value=${area.id} />${area.name} #${area.id}</label>`)}</fieldset>` : nothing;
  }

  private check(name: string, words: Key): TemplateResult {
    return html`<label class="check"><input type="checkbox" name=${name} />${t(words)}</label>`;
  }

  private number(name: string, words: Key, least: number, most: number, value = "", required = true): TemplateResult {
    return html`<label class="field"><span>${t(words)} (${least}–${most})</span><input class="input" type="number" name=${name} min=${least} max=${most} step="any" value=${value} ?required=${required} /></label>`;
  }
}

customElements.define("tianshu-operator-form", CommandForm);
