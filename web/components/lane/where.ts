/** The form's button that asks the telephone where it is: never before it is tapped. The form is whole without it. */
const DIGITS = 1e5; // of a degree: about a metre

const line = document.getElementById("gps");
const button = document.getElementById("gps-ask");
const state = document.getElementById("gps-state");
const point = document.getElementById("point") as HTMLInputElement | null;

function say(name: "asking" | "refused" | "done"): void {
  if (state) state.textContent = state.dataset[name] ?? "";
}

if (line && button && point && "geolocation" in navigator) {
  line.hidden = false;
  button.addEventListener("click", () => {
    say("asking");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const round = (degrees: number) => Math.round(degrees * DIGITS) / DIGITS;
        point.value = `${round(coords.latitude)}, ${round(coords.longitude)}`;
        say("done");
      },
      () => say("refused"),
      { enableHighAccuracy: true, timeout: 30_000, maximumAge: 0 },
    );
  });
}
