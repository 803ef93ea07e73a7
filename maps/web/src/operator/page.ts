/** The operator's page: devices and their connections, units and what they carry, who knocks, what was refused, commands, short messages. */

import { html, type TemplateResult } from "lit";
import { learn, t, type Key } from "../i18n/index.ts";
import { operatorEn } from "../i18n/operator.en.ts";
import { operatorZh } from "../i18n/operator.zh.ts";
import { listen, Part } from "../shared/part.ts";
import { session } from "../shared/session.ts";
import "./areas.ts";
import "./commands.ts";
import "./devices.ts";
import "./messages.ts";
import "./pending.ts";
import "./quarantine.ts";
import "./units.ts";

learn(operatorZh, operatorEn);

const VIEWS = ["devices", "pending", "quarantine", "commands", "areas", "units", "messages"] as const;
type View = (typeof VIEWS)[number];
const SHOWN: Record<View, () => TemplateResult> = {
  devices: () => html`<tianshu-operator-devices></tianshu-operator-devices>`,
  pending: () => html`<tianshu-operator-pending></tianshu-operator-pending>`,
  quarantine: () => html`<tianshu-operator-quarantine></tianshu-operator-quarantine>`,
  commands: () => html`<section class="card"><tianshu-operator-commands></tianshu-operator-commands></section>`,
  areas: () => html`<tianshu-operator-areas></tianshu-operator-areas>`,
  units: () => html`<tianshu-operator-units></tianshu-operator-units>`,
  messages: () => html`<tianshu-operator-messages></tianshu-operator-messages>`,
};

/** Short messages are the dispatcher's to read. */
const permitted = (): View[] => VIEWS.filter((view) => view !== "messages" || session.may("dispatch"));

export class OperatorPage extends Part {
  private view: View = "devices";

  override connectedCallback(): void {
    super.connectedCallback();
    const asked = new URLSearchParams(location.search).get("view") as View | null;
    if (asked !== null && permitted().includes(asked)) this.view = asked;
    this.whileHere(() => listen(window, "keydown", (event) => this.onKey(event)));
  }

  private open(view: View): void {
    this.view = view;
    history.replaceState(null, "", `/operator?view=${view}`);
    this.requestUpdate();
  }

  /** 1 to 7 choose a view, / goes to its search. */
  private onKey(event: KeyboardEvent): void {
    if ((event.target as Element).closest("input, select, textarea, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    const view = permitted()[Number(event.key) - 1];
    if (view) this.open(view);
    const search = event.key === "/" ? this.querySelector<HTMLInputElement>("input[type=search]") : null;
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }

  override render(): TemplateResult {
    return html`<div class="sheet operator"><h1>${t("operator.title")}</h1>
      <nav class="views" aria-label=${t("operator.views")}>${permitted().map((view, i) => html`<button class="button" aria-pressed=${view === this.view}
        aria-keyshortcuts=${i + 1} @click=${() => this.open(view)}>${t(`operator.view.${view}` as Key)}</button>`)}</nav>${SHOWN[this.view]()}</div>`;
  }
}

customElements.define("tianshu-operator", OperatorPage);
