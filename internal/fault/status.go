package fault

import "net/http"

// statuses is what each kind is over HTTP (RFC 9110), at every edge. A kind that
// is not here is the server's own trouble, 500. What is corrupt is 422, whoever
// holds it: the bytes that the call is about fail their own check, and the same
// call again changes nothing, as a 500 would promise to many a client.
var statuses = map[Kind]int{
	KindInvalid:   http.StatusUnprocessableEntity,
	KindNotFound:  http.StatusNotFound,
	KindConflict:  http.StatusConflict,
	KindForbidden: http.StatusForbidden,
	KindTooLarge:  http.StatusRequestEntityTooLarge,
	KindLater:     http.StatusServiceUnavailable,
	KindCorrupt:   http.StatusUnprocessableEntity,
}

// Status is the HTTP status that fits the outermost fault in err; 500 for an error
// that is no fault.
func Status(err error) int {
	if f, ok := Of(err); ok {
		if s, ok := statuses[f.Kind]; ok {
			return s
		}
	}
	return http.StatusInternalServerError
}

// OfHouse reports an error that no caller can mend: what is no fault, what is
// internal, and what is damaged. A server writes it into its diary.
func OfHouse(err error) bool {
	f, ok := Of(err)
	return !ok || f.Kind == KindInternal || f.Kind == KindCorrupt
}
