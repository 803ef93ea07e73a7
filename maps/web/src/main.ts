/** The one entry: styles, preferences, the frame. */

import "./shared/base.css";
import "./map/map.css";
import "./shell/shell.css";
import "./session/session.css";
import "./live/live.css";
import "./replay/replay.css";
import "./hotspots/hotspots.css";
import "./audit/audit.css";
import "./operator/operator.css";
import { prefs } from "./shared/prefs.ts";
import "./shell/app.ts";

prefs.apply();
