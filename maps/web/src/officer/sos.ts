/** SOS: hold the button for a second, with a finger or with Space or Enter; a shorter press does nothing. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { post } from "../shared/api.ts";
import { Part } from "../shared/part.ts";

const HOLD_MS = 1_000;
/** Try again this often while nobody answers. */
const AGAIN_MS = 2_000;
const MOST_TRIES = 30;

interface Place {
  lon_deg: number | null;
  lat_deg: number | null;
}

export class Sos extends Part {
  static override properties = { place: { attribute: false } };

  /** Where the unit was last: the phone's own place is not asked for, its positions come another way. */
  declare place: Place | null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private state: "idle" | "holding" | "sending" | "sent" | "failed" = "idle";

  private hold(): void {
    if (this.state === "holding" || this.state === "sending") return;
    this.become("holding");
    this.timer = setTimeout(() => void this.send(), HOLD_MS);
  }

  private letGo(): void {
    if (this.state !== "holding") return;
    clearTimeout(this.timer);
    this.become("idle");
  }

  private become(state: typeof this.state): void {
    this.state = state;
    this.requestUpdate();
  }

  private async send(): Promise<void> {
    this.become("sending");
    navigator.vibrate?.([80, 60, 80]);
    const { lon_deg = null, lat_deg = null } = this.place ?? {};
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const done = await post("/my/sos", lon_deg === null ? {} : { lon_deg, lat_deg }).then(() => true, () => false);
      if (done) return this.become("sent");
      if (this.state !== "failed") this.become("failed");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      if (!this.isConnected) return;
    }
  }

  private onKey(event: KeyboardEvent, down: boolean): void {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (down) this.hold();
    else this.letGo();
  }

  override render(): TemplateResult {
    return html`${this.state === "sent" ? html`<p class="message ok" role="alert">${t("officer.sos_sent")}</p>` : nothing}${this.state === "failed" ? html`<p class="message error" role="alert">${t("officer.sos_failed")}</p>` : nothing}
      <button class="sos-button" data-state=${this.state} @pointerdown=${() => this.hold()} @pointerup=${() => this.letGo()} @pointerleave=${() => this.letGo()} @pointercancel=${() => this.letGo()}
        @keydown=${(event: KeyboardEvent) => this.onKey(event, true)} @keyup=${(event: KeyboardEvent) => this.onKey(event, false)} @contextmenu=${(event: Event) => event.preventDefault()}><b>${t("officer.sos")}</b> <small>${t("officer.sos_hold")}</small></button>`;
  }
}

customElements.define("tianshu-sos", Sos);
