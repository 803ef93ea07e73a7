/** Styles that change with the data, set through the object model: the content policy forbids style attributes. */

import { Directive, directive, PartType, type ElementPart, type PartInfo } from "lit/directive.js";
import { nothing } from "lit";

type Styles = Record<string, string>;

class Styled extends Directive {
  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new Error("styled() belongs on an element");
  }

  override render(_styles: Styles): typeof nothing {
    return nothing;
  }

  override update(part: ElementPart, [styles]: [Styles]): typeof nothing {
    for (const [name, value] of Object.entries(styles)) (part.element as HTMLElement).style.setProperty(name, value);
    return nothing;
  }
}

/** `<div ${styled({ height: "10px" })}>` */
export const styled = directive(Styled);
