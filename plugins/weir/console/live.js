// Keeps a page as the server sees it. Fragments come as server-sent events and take the place of what is shown: what is the same stays, and so
// do focus and selection. Nothing is followed while nobody looks: browsers open only six connections to a server, and Airflow needs them, too.
"use strict";
(() => {
  const AGAIN_MS = 30000; // after a refusal; a connection that is lost is opened again by the browser
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
