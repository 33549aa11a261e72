// The pick-up code in a QR code's link stands after the #, which browsers send to nobody. This takes it from there
// into the form, keeps it in this tab alone while its owner logs in, and takes it out of the address at once.
"use strict";
(() => {
  const KEY = "pickup-code";
  const inAddress = decodeURIComponent(location.hash.slice(1));
  if (inAddress) {
    sessionStorage.setItem(KEY, inAddress.slice(0, 40));
    history.replaceState(null, "", location.pathname);
  }
  const code = sessionStorage.getItem(KEY);
  if (!code) return;
  const field = document.getElementById("code");
  if (field) {
    if (!field.value) {
      field.value = code;
      document.getElementById("from-link").hidden = false;
    }
    sessionStorage.removeItem(KEY);
  } else {
    document.getElementById("login-first").hidden = false;
  }
})();
