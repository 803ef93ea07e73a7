/** Who is signed in and what that permits; the server checks again whatever the page shows. */

import type { Me } from "./types.ts";

class Session {
  me: Me | null = null;

  may(act: string): boolean {
    return this.me?.acts.includes(act) ?? false;
  }
}

export const session = new Session();
