/** A passkey is made or used: the one thing of an authority's account that only a browser's script can do. The answer goes with the form. */
export {};

const form = document.getElementById("passkey") as HTMLFormElement | null;
const state = document.getElementById("passkey-state");

/** Bytes in JSON are base64url (Web Authentication, 5.1.8 to 5.1.10). */
function bytes(text: string): ArrayBuffer {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (c) => c.charCodeAt(0)).buffer;
}

function text(of: ArrayBuffer | null): string | undefined {
  if (!of) return undefined;
  let plain = "";
  for (const b of new Uint8Array(of)) plain += String.fromCharCode(b);
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function asked(does: string, options: string): Promise<string> {
  const publicKey = JSON.parse(options);
  publicKey.challenge = bytes(publicKey.challenge);
  if (does === "create") publicKey.user.id = bytes(publicKey.user.id);
  const found = (await (does === "create" ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }))) as PublicKeyCredential;
  const said = found.response;
  const response: Record<string, unknown> = { clientDataJSON: text(said.clientDataJSON) };
  if (does === "create") {
    response["attestationObject"] = text((said as AuthenticatorAttestationResponse).attestationObject);
  } else {
    const signed = said as AuthenticatorAssertionResponse;
    response["authenticatorData"] = text(signed.authenticatorData);
    response["signature"] = text(signed.signature);
    response["userHandle"] = text(signed.userHandle);
  }
  return JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response, clientExtensionResults: {} });
}

if (form && "PublicKeyCredential" in window) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (state) state.textContent = "";
    asked(form.dataset["does"] ?? "", form.dataset["options"] ?? "").then(
      (answer) => {
        (form.elements.namedItem("passkey") as HTMLInputElement).value = answer;
        form.submit();
      },
      () => {
        if (state) state.textContent = state.dataset["refused"] ?? "";
      },
    );
  });
}
