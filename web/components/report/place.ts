/** The button that asks the phone where it is: never before it is tapped, and what it says is shown and can be removed. */
import type { Point } from "../../lib/report.js";
import { $, say, show } from "./dom.js";

const DIGITS = 1e4; // of a degree: about ten metres

export class PlaceButton {
  point: Point | undefined;

  constructor() {
    if (!("geolocation" in navigator)) return;
    show("point-add", true);
    show("point-hint", true);
    $("point-add").addEventListener("click", () => this.ask());
    $("point-remove").addEventListener("click", () => {
      this.forget();
      $("point-state").textContent = say("report.point.removed");
      $("point-add").focus();
    });
  }

  forget(): void {
    this.point = undefined;
    $("point-text").textContent = "";
    $("point-state").textContent = "";
    show("point-shown", false);
    if ("geolocation" in navigator) show("point-add", true);
  }

  private ask(): void {
    $("point-state").textContent = say("report.point.asking");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => this.answered(coords),
      () => ($("point-state").textContent = say("report.point.refused")),
      { enableHighAccuracy: true, timeout: 30_000, maximumAge: 0 },
    );
  }

  private answered({ latitude, longitude, accuracy }: GeolocationCoordinates): void {
    const round = (degrees: number) => Math.round(degrees * DIGITS) / DIGITS;
    this.point = { lat: round(latitude), lon: round(longitude) };
    const text = say("report.point.shown", this.point.lat, this.point.lon, Math.max(10, Math.round(accuracy)));
    $("point-text").textContent = text;
    $("point-state").textContent = text;
    show("point-shown", true);
    show("point-add", false);
    $("point-remove").focus();
  }
}
