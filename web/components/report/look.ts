/** The script of the look. */
import { door } from "../../lib/look/door.js";

Object.assign(globalThis, { kuaLook: door });
