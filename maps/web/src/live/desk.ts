/**
 * The desk behind the live map: how the officer left it (kept on the server), the window that shows the map alone
 * (told over a BroadcastChannel), and the console's tools, which are loaded after the map.
 */

import { html, nothing, type TemplateResult } from "lit";
import type { CityMap } from "../map/base.ts";
import { get, put } from "../shared/api.ts";
import { session } from "../shared/session.ts";
import { sounds } from "../shared/sounds.ts";
import type { AlertOut, CallOut } from "../shared/types.ts";
import type { LivePage, Selection, Tab } from "./page.ts";
import { NO_FILTERS, type Filters } from "./unit-list.ts";

type Parts = typeof import("../console/index.ts");
const SAVE_MS = 1_500;
const CHANNEL = "tianshu-console";

interface Layout extends Partial<Filters> {
  tab?: Tab | null;
  muted?: boolean | null;
  layers?: string[] | null;
  view?: [number, number, number] | null;
}

export class Desk {
  /** Names of what is drawn on request: coverage, beats, closures, compliance. */
  readonly layers = new Set<string>();
  /** Waiting for a click on the map that says which road is closed. */
  picking = false;
  notesWaiting = 0;
  private parts: Parts | null = null;
  private channel: BroadcastChannel | null = null;
  private layout: Layout | null = null;
  private map: CityMap | null = null;
  private saving: ReturnType<typeof setTimeout> | undefined;
  private ready = false;
  /** The officer chose something before what he had kept came: his choice stands. */
  private chosen = false;

  constructor(readonly page: LivePage) {}

  /** Start; returns what stops. */
  open(): () => void {
    this.channel = new BroadcastChannel(CHANNEL);
    this.channel.onmessage = (event: MessageEvent<Selection | "tell">) => this.heard(event.data);
    const showAlert = (event: Event): void => this.page.showAlert((event as CustomEvent<AlertOut>).detail);
    const take = (event: Event): void => this.takeFrom((event as CustomEvent<AlertOut>).detail);
    addEventListener("tianshu:show-alert", showAlert);
    addEventListener("tianshu:call-from-alert", take);
    if (this.page.mapOnly) this.channel.postMessage("tell");
    else if (session.may("keep_desk")) void this.load();
    if (session.may("view_calls")) void import("../console/index.ts").then((parts) => { this.parts = parts; this.drawLayers(); this.redraw(); });
    return () => {
      clearTimeout(this.saving);
      this.channel?.close();
      removeEventListener("tianshu:show-alert", showAlert);
      removeEventListener("tianshu:call-from-alert", take);
      this.parts?.stopLayers();
    };
  }

  private async load(): Promise<void> {
    const layout = (this.layout = await get<Layout>("/desk").catch((): Layout => ({})));
    const kept = { text: layout.text ?? "", kind: layout.kind ?? "", state: layout.state ?? "", division: layout.division ?? "" };
    if (!this.chosen && Object.values(kept).some(Boolean)) this.page.setFilters({ ...NO_FILTERS, ...kept });
    if (!this.chosen && layout.tab) this.page.openTab(layout.tab);
    for (const name of layout.layers ?? []) this.layers.add(name);
    sounds.setMuted(layout.muted ?? false);
    this.ready = true;
    if (this.chosen) this.changed();
    this.lookAgain();
    this.drawLayers();
    this.redraw();
  }

  mapReady(map: CityMap): void {
    this.map = map;
    this.lookAgain();
    this.drawLayers();
  }

  /** Look where the officer last looked, unless this browser's own page has looked elsewhere since. */
  private lookAgain(): void {
    const view = this.layout?.view;
    if (!view || !this.map || sessionStorage.getItem("tianshu.view") !== null) return;
    this.map.gl.jumpTo({ center: [view[0], view[1]], zoom: view[2] });
  }

  /** Something of the layout changed: keep it a moment after the last change. */
  changed(): void {
    if (this.page.mapOnly) return;
    if (!this.ready) return void (this.chosen = true);
    clearTimeout(this.saving);
    this.saving = setTimeout(() => void put("/desk", this.present()).catch(() => undefined), SAVE_MS);
  }

  private present(): Layout {
    const gl = this.map?.gl;
    const view = gl ? ([gl.getCenter().lng, gl.getCenter().lat, gl.getZoom()] as [number, number, number]) : null;
    return { tab: this.page.tab, ...this.page.filters, muted: sounds.muted, layers: [...this.layers], view };
  }

  /** The map was moved: worth keeping, but no choice that what was kept must give way to. */
  moved(): void {
    if (this.ready) this.changed();
  }

  /** Tell the other windows what is chosen here. */
  tell(): void {
    if (!this.page.mapOnly) this.channel?.postMessage(this.page.selection);
  }

  private heard(said: Selection | "tell"): void {
    if (said === "tell") return this.tell();
    if (!this.page.mapOnly) return;
    this.page.select(said, said?.what !== "form");
    if (said?.what === "call" && !this.page.world.calls.has(said.id)) void this.page.openCall(said.id);
  }

  private takeFrom(alert: AlertOut): void {
    this.page.select({ what: "form" });
    if (alert.lon_deg !== null && alert.lat_deg !== null) this.page.setPlace([alert.lon_deg, alert.lat_deg]);
  }

  toggle(layer: string): void {
    if (!this.layers.delete(layer)) this.layers.add(layer);
    this.changed();
    this.drawLayers();
    this.redraw();
  }

  private drawLayers(): void {
    if (this.map) void this.parts?.drawLayers(this.map, this.layers);
  }

  mute(): void {
    sounds.setMuted(!sounds.muted);
    this.changed();
    this.redraw();
  }

  stopPicking(): void {
    this.picking = false;
    this.page.setPlace(null);
    this.redraw();
  }

  popOut(): void {
    open("/map", "tianshu-map", "popup,width=1200,height=900");
  }

  handOver(): void {
    void this.page.querySelector<HTMLElement & { show(): Promise<void> }>("tianshu-handover")?.show();
  }

  redraw(): void {
    this.page.requestUpdate();
  }

  /** What the console adds on the map: tools, the list of layers, the handover note. */
  tools(): TemplateResult | typeof nothing {
    return this.parts && !this.page.mapOnly ? this.parts.deskTools(this) : html``;
  }

  /** How many calls wait for a unit, for who may send one. */
  get waiting(): number {
    return session.may("dispatch") ? (this.parts?.waiting(this.page.world).length ?? 0) : 0;
  }

  /** What a call in the list waits for. */
  note(call: CallOut, now_ms: number): TemplateResult | typeof nothing {
    return this.parts?.callNote(call, now_ms) ?? nothing;
  }
}
