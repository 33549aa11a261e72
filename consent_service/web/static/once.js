// A form goes once: a second press while the first is on its way would be answered as if it had failed.
"use strict";
(() => {
  const sent = new WeakSet();
  document.addEventListener("submit", (event) => {
    if (sent.has(event.target)) event.preventDefault();
    else sent.add(event.target);
  });
  // The browser's back button may bring this page back as it was left.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
