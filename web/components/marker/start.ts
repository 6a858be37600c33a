// Starts the marker of the page, if it has one, once it is sure that this
// browser shows the picture as the renderer sees it.

import { must } from "./dom.js";
import { Marker } from "./marker.js";
import { fit } from "./pages.js";
import type { Picture } from "./plan.js";

function start(): void {
  const root = document.querySelector<HTMLElement>(".marker");
  if (!root) return;
  const plain = document.querySelector<HTMLElement>(".marker-plain");
  const picture = JSON.parse(root.dataset["picture"] ?? "{}") as Picture;
  fit(root, picture);
  new Marker(root, picture);
  if (plain) plain.hidden = true;
  root.hidden = false;
  compare(root, picture, plain);
  compareClocks(root);
}

// Of a film that is a piece of a longer one some browsers keep its clock, which
// begins late; the renderer counts from its first moment. Marks made by such a
// clock would lie beside what they are for: then nothing can be marked here.
function compareClocks(root: HTMLElement): void {
  const medium = root.querySelector<HTMLMediaElement>("video, audio");
  if (!medium || "copy" in root.dataset) return; // the copy begins where the renderer does
  let sought = false;
  medium.addEventListener("seeking", () => (sought = true));
  const look = (): void => {
    if (sought || medium.currentTime < 0.1) return;
    must(root, ".marker-late").hidden = false;
    must(root, ".marker-work").hidden = true;
    document.querySelector("details.viewing")?.setAttribute("open", "");
  };
  medium.addEventListener("loadedmetadata", look);
  medium.addEventListener("loadeddata", look);
  look();
}

// A browser that turns or stretches the picture otherwise than the renderer
// would put every box elsewhere: then nothing can be drawn here.
function compare(root: HTMLElement, picture: Picture, plain: HTMLElement | null): void {
  if ("copy" in root.dataset) return; // the renderer's own picture
  const check = (width: number, height: number): void => {
    if (width === 0 || height === 0) return;
    const off = Math.abs(width / height / (picture.width / picture.height) - 1) > 0.02;
    must(root, ".marker-mismatch").hidden = !off;
    must(root, ".marker-layer").hidden = off;
    must(root, ".marker-shade").hidden = off;
    if (off && plain) plain.hidden = false;
  };
  const film = root.querySelector("video");
  const place = root.querySelector<HTMLElement>(".marker-fit");
  if (film) {
    const look = (): void => check(film.videoWidth, film.videoHeight);
    film.addEventListener("loadedmetadata", look);
    look();
  } else if (place) {
    // Neither event bubbles, and each page of a document has an element of its own.
    const look = (photo: EventTarget | null): void => {
      if (photo instanceof HTMLImageElement) check(photo.naturalWidth, photo.naturalHeight);
    };
    place.addEventListener("load", (e) => look(e.target), true);
    place.addEventListener("error", () => (must(root, ".marker-unplayable").hidden = false), true);
    look(place.querySelector("img"));
  }
}

start();
