/** Says each second when the next try comes. */
import { $, say } from "./dom.js";

export class Countdown {
  private timer: ReturnType<typeof setInterval> | undefined;

  start(at: number): void {
    this.stop();
    const tick = () => {
      const seconds = Math.ceil((at - Date.now()) / 1000);
      $("waiting-time").textContent = seconds > 0 ? say("report.wait.next", clock(seconds)) : say("report.wait.trying");
    };
    tick();
    this.timer = setInterval(tick, 1000);
  }

  stop(): void {
    clearInterval(this.timer);
    $("waiting-time").textContent = "";
  }
}

function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
