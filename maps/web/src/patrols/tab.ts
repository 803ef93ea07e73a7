/** What the parts of the patrol page share: the shelf they read from, and saying what worked and what did not. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import type { LngLat } from "../map/base.ts";
import { sentence } from "../shared/api.ts";
import { Part } from "../shared/part.ts";
import type { UnitOut } from "../shared/types.ts";

export interface Beat {
  id: number;
  name: string;
  division: string | null;
  shape: GeoJSON.MultiPolygon;
}

export interface Checkpoint {
  id: number;
  name: string;
  lon_deg: number;
  lat_deg: number;
  radius_m: number;
  dwell_s: number;
  beat_id: number | null;
}

export interface Shelf {
  units: UnitOut[];
  beats: Beat[];
  checkpoints: Checkpoint[];
  load(): Promise<void>;
  show(source: string, features: GeoJSON.Feature[]): void;
  pick(heard: ((place: LngLat) => void) | null): void;
  middle(): LngLat | null;
  fit(places: LngLat[]): void;
}

export class Tab extends Part {
  static override properties = { shelf: { attribute: false }, told: { attribute: false } };

  declare shelf: Shelf;
  /** What the shelf holds now; only a reason to draw again. */
  declare told: unknown;
  protected busy = false;
  private message = "";
  private failure = "";

  /** Do something at the server; say what came of it. */
  protected async attempt(work: () => Promise<unknown>, done = ""): Promise<boolean> {
    Object.assign(this, { busy: true, failure: "", message: "" });
    this.requestUpdate();
    try {
      await work();
      this.message = done;
    } catch (error) {
      this.failure = sentence(error);
    }
    this.busy = false;
    this.requestUpdate();
    return !this.failure;
  }

  protected refuse(words: string): void {
    Object.assign(this, { failure: words, message: "" });
    this.requestUpdate();
  }

  protected said(): TemplateResult {
    return html`<div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <div role="status">${this.message ? html`<p class="message ok">${this.message}</p>` : nothing}</div>`;
  }

  protected beatName(id: number | null): string {
    return this.shelf.beats.find((beat) => beat.id === id)?.name ?? "";
  }

  protected beatChoice(chosen: number | null = null): TemplateResult {
    return html`<label class="field"><span>${t("patrols.beat")}</span><select class="input" name="beat"><option value="">${t("patrols.no_beat")}</option>
      ${this.shelf.beats.map((beat) => html`<option value=${beat.id} ?selected=${beat.id === chosen}>${beat.name}</option>`)}</select></label>`;
  }
}

export const chosen = (values: FormData, name: string): number[] => values.getAll(name).map(Number);
