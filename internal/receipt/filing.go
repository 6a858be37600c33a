package receipt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// filing is what the blinding key signs. spec/receipt.md names it.
const filing = "kua filing 1"

// Filing gives the receipt's line in an anchor: HMAC-SHA256 of a fixed text
// under the blinding key, in hex. Only the receipt and the desk can compute it,
// so a public list of such lines names nobody; whoever shows the receipt shows
// that their report was at the desk when the list was logged.
func Filing(blind [32]byte) string {
	mac := hmac.New(sha256.New, blind[:])
	mac.Write([]byte(filing))
	return hex.EncodeToString(mac.Sum(nil))
}
