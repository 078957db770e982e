// Keeps a page up to date. Fragments arrive as server-sent events and replace what is shown; unchanged elements keep focus and selection.
// A hidden page closes its stream: browsers open only six connections to a server, and Airflow needs them, too.
"use strict";
(() => {
  const AGAIN_MS = 30000; // after a refusal; the browser itself reopens a lost connection
  const page = document.querySelector("[data-follow]");
  let source = null;

  const show = (message) => {
    for (const [id, html] of Object.entries(JSON.parse(message.data))) {
      const place = document.getElementById(id);
      if (place && "live" in place.dataset) Idiomorph.morph(place, html, { morphStyle: "innerHTML" });
    }
  };
  const rest = () => {
    if (source) source.close();
    source = null;
  };
  const follow = () => {
    if (source || document.hidden) return;
    source = new EventSource(page.dataset.follow);
    source.onmessage = show;
    source.onerror = () => {
      if (!source || source.readyState !== EventSource.CLOSED) return;
      rest();
      setTimeout(follow, AGAIN_MS);
    };
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : follow()));
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", follow);
  if (page) follow();
})();
