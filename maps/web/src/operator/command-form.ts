/** A command to one device, in the fields of its kind. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { all, post, sentence } from "../shared/api.ts";
import { Part } from "../shared/part.ts";
import { session } from "../shared/session.ts";

interface Area {
  id: number;
  name: string;
}

const CONFIGURING = ["set_parameters", "restart", "set_area", "set_route", "delete_areas"];
const KINDS = ["position_now", "text", "track", "query_attributes", "query_parameters", "query_areas", ...CONFIGURING];
const FORMS = ["circle", "rectangle", "polygon", "route"];
/** Name, least, most; the server says the same. */
const PARAMETERS: [string, number, number][] = [
  ["heartbeat_s", 5, 3600], ["default_interval_s", 1, 86_400], ["alarm_interval_s", 1, 3600], ["sleep_interval_s", 1, 86_400],
  ["default_distance_m", 1, 100_000], ["turn_angle_deg", 1, 179], ["fence_radius_m", 1, 65_535], ["max_speed_mps", 0, 100],
  ["overspeed_s", 0, 3600], ["report_strategy", 0, 2], ["gnss_systems", 1, 15], ["tcp_timeout_s", 1, 600], ["tcp_retries", 0, 100],
];
const VALID: [number, Key][] = [[600, "operator.valid_10min"], [3600, "operator.valid_1h"], [86_400, "operator.valid_1d"]];

/** 113.1 27.8, one place a line, as pairs; null if a line is none. */
export function readPlaces(text: string): [number, number][] | null {
  const places = text.trim().split("\n").map((line) => line.trim().split(/[\s,，]+/).map(Number));
  return places.every((place) => place.length === 2 && place.every(Number.isFinite)) ? (places as [number, number][]) : null;
}

export class CommandForm extends Part {
  static override properties = { device: { attribute: false } };

  declare device: number;
  private kind = "position_now";
  private parameter = 0;
  private areas: Area[] | null = null;
  private failure = "";
  private done = "";

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("device")) this.failure = this.done = "";
  }

  private pick(kind: string): void {
    this.kind = kind;
    this.failure = this.done = "";
    if (kind === "set_area" && this.areas === null) {
      void all<Area>("/areas").then((areas) => { this.areas = areas; this.requestUpdate(); }, (error: unknown) => this.refuse(sentence(error)));
    }
    this.requestUpdate();
  }

  private refuse(words: string): void {
    this.failure = words;
    this.done = "";
    this.requestUpdate();
  }

  private said(form: FormData): Record<string, unknown> | null {
    const words = (name: string): string => String(form.get(name) ?? "").trim();
    const number = (name: string): number | undefined => (words(name) ? Number(words(name)) : undefined);
    const ids = words("ids").split(/[\s,，]+/).filter(Boolean).map(Number);
    const limit = { max_speed_mps: number("max_speed_mps"), tell_driver: form.has("tell_driver") };
    switch (this.kind) {
      case "text":
        return { text: words("text"), urgent: form.has("urgent"), read_out: form.has("read_out") };
      case "track":
        return { interval_s: number("interval_s"), validity_s: (number("minutes") ?? 10) * 60 };
      case "set_parameters":
        return { values: { [PARAMETERS[this.parameter]?.[0] ?? ""]: number("value") } };
      case "set_area":
        return { area_id: number("area_id"), ...limit };
      case "set_route": {
        const points = readPlaces(words("points"));
        return points && { route_id: number("route_id"), name: words("name"), points, width_m: number("width_m"), ...limit };
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
    if (said === null) return this.refuse(t("operator.points_wrong"));
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
        return html`<label class="field"><span>${t("operator.area")}</span><select class="input" name="area_id" required>${(this.areas ?? []).map((area) => html`<option value=${area.id}>${area.name}</option>`)}</select></label>${this.limits()}`;
      case "set_route":
        return html`${this.number("route_id", "operator.route_id", 1, 4_294_967_295)}<label class="field"><span>${t("operator.name")}</span><input class="input" name="name" maxlength="60" autocomplete="off" /></label>
          <label class="field"><span>${t("operator.points")}</span><textarea class="input" name="points" placeholder="113.1320 27.8301" spellcheck="false" required></textarea></label>${this.number("width_m", "operator.width_m", 1, 255, "50")}${this.limits()}`;
      case "delete_areas":
      case "query_areas":
        return html`<label class="field"><span>${t("operator.form")}</span><select class="input" name="form">${FORMS.map((form) => html`<option value=${form}>${code("form", form)}</option>`)}</select></label>
          <label class="field"><span>${t("operator.ids")}</span><input class="input" name="ids" pattern="[0-9\\s,，]*" autocomplete="off" /></label>
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

  private limits(): TemplateResult {
    return html`${this.number("max_speed_mps", "operator.max_speed", 1, 100, "", false)}${this.check("tell_driver", "operator.tell_driver")}`;
  }

  private check(name: string, words: Key): TemplateResult {
    return html`<label class="check"><input type="checkbox" name=${name} />${t(words)}</label>`;
  }

  private number(name: string, words: Key, least: number, most: number, value = "", required = true): TemplateResult {
    return html`<label class="field"><span>${t(words)} (${least}–${most})</span><input class="input" type="number" name=${name} min=${least} max=${most} step="any" value=${value} ?required=${required} /></label>`;
  }
}

customElements.define("tianshu-operator-form", CommandForm);
