// Package passkey asks a browser for passkeys and checks what it says (Web
// Authentication, W3C, level 3). It keeps nothing: challenges and keys are the
// caller's, and every check is made with what the caller kept.
//
// It is the one door to the library that knows the protocol. Used by lane.
package passkey

import (
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"kua/internal/fault"
)

// MaxAnswer is the most bytes of a browser's answer.
const MaxAnswer = 32 << 10

// Site is where passkeys are good for: one origin, and who people see that asks.
type Site struct {
	Origin string // https://kua.example.org
	Name   string
}

// Can reports whether browsers give passkeys to the site at all: not to one that
// has only a number for a name.
func (s Site) Can() bool {
	u, err := url.Parse(s.Origin)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return false
	}
	return u.Scheme == "https" || u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost")
}

func (s Site) open() (*webauthn.WebAuthn, error) {
	if !s.Can() {
		return nil, fault.Conflict("passkey.site", s.Origin)
	}
	u, err := url.Parse(s.Origin)
	if err != nil {
		return nil, err
	}
	return webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: s.Name, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation, // who made the key is nobody's business
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyRequired(), ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
}

// Person is whom passkeys belong to.
type Person struct {
	Handle []byte // random; all that a key tells of its person
	Name   string
	Keys   []Key
}

// Key is a passkey's public half.
type Key struct {
	ID   []byte
	Body []byte // as this package reads it again
}

// user is a person as the library asks for one.
type user struct {
	Person
	keys []webauthn.Credential
}

func (u user) WebAuthnID() []byte                         { return u.Handle }
func (u user) WebAuthnName() string                       { return u.Name }
func (u user) WebAuthnDisplayName() string                { return u.Name }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.keys }

func (p Person) user() (u user, err error) {
	u.Person = p
	for _, k := range p.Keys {
		var c webauthn.Credential
		if err := json.Unmarshal(k.Body, &c); err != nil {
			return u, fault.Corrupt("passkey.answer").Because(err)
		}
		u.keys = append(u.keys, c)
	}
	return u, nil
}

func kept(c *webauthn.Credential) (Key, error) {
	c.Attestation = webauthn.CredentialAttestation{} // none was asked for
	b, err := json.Marshal(c)
	return Key{c.ID, b}, err
}

// refused is the fault of an answer that is none, and why.
func refused(err error) error {
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		err = errors.Join(err, errors.New(e.DevInfo))
	}
	return fault.Forbidden("passkey.answer").Because(err)
}

// ToMake gives what a browser needs to make a key for a person, as JSON
// (PublicKeyCredentialCreationOptionsJSON). The fault is passkey.site.
func (s Site) ToMake(challenge []byte, p Person) ([]byte, error) {
	w, err := s.open()
	if err != nil {
		return nil, err
	}
	options, _, err := making(w, challenge, p)
	if err != nil {
		return nil, err
	}
	return json.Marshal(options.Response)
}

func making(w *webauthn.WebAuthn, challenge []byte, p Person) (*protocol.CredentialCreation, *webauthn.SessionData, error) {
	u, err := p.user()
	if err != nil {
		return nil, nil, err
	}
	return w.BeginRegistration(u, func(o *protocol.PublicKeyCredentialCreationOptions) error {
		o.Challenge = challenge
		return nil
	})
}

// Made checks a browser's answer to ToMake and gives the key. The faults are
// passkey.site and passkey.answer; check is asked about the challenge first.
func (s Site) Made(answer []byte, p Person, check func(challenge []byte) error) (Key, error) {
	w, err := s.open()
	if err != nil {
		return Key{}, err
	}
	if len(answer) > MaxAnswer {
		return Key{}, refused(nil)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Key{}, refused(err)
	}
	challenge, err := checked(parsed.Response.CollectedClientData.Challenge, check)
	if err != nil {
		return Key{}, err
	}
	_, session, err := making(w, challenge, p)
	if err != nil {
		return Key{}, err
	}
	u, err := p.user()
	if err != nil {
		return Key{}, err
	}
	c, err := w.CreateCredential(u, *session, parsed)
	if err != nil {
		return Key{}, refused(err)
	}
	return kept(c)
}

func checked(said string, check func([]byte) error) ([]byte, error) {
	var challenge protocol.URLEncodedBase64
	if err := challenge.UnmarshalJSON([]byte(`"` + said + `"`)); err != nil {
		return nil, refused(err)
	}
	return challenge, check(challenge)
}

// ToSign gives what a browser needs to have somebody sign in with any key of the
// site, as JSON (PublicKeyCredentialRequestOptionsJSON). The fault is passkey.site.
func (s Site) ToSign(challenge []byte) ([]byte, error) {
	w, err := s.open()
	if err != nil {
		return nil, err
	}
	options, _, err := signing(w, challenge)
	if err != nil {
		return nil, err
	}
	return json.Marshal(options.Response)
}

func signing(w *webauthn.WebAuthn, challenge []byte) (*protocol.CredentialAssertion, *webauthn.SessionData, error) {
	return w.BeginDiscoverableLogin(func(o *protocol.PublicKeyCredentialRequestOptions) error {
		o.Challenge = challenge
		return nil
	})
}

// Signed checks a browser's answer to ToSign: check is asked about the challenge,
// find gives the person of a handle, or a fault of what is not found. It gives the key as it is to be kept now. The
// faults are passkey.site and passkey.answer, also for a key that was copied; whatever
// else keeps find from its answer is given as it is.
func (s Site) Signed(answer []byte, check func(challenge []byte) error, find func(handle []byte) (Person, error)) (Key, error) {
	w, err := s.open()
	if err != nil {
		return Key{}, err
	}
	if len(answer) > MaxAnswer {
		return Key{}, refused(nil)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Key{}, refused(err)
	}
	challenge, err := checked(parsed.Response.CollectedClientData.Challenge, check)
	if err != nil {
		return Key{}, err
	}
	_, session, err := signing(w, challenge)
	if err != nil {
		return Key{}, err
	}
	var lost error
	_, c, err := w.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		p, err := find(handle)
		if err != nil {
			lost = err
			return nil, err
		}
		return p.user()
	}, *session, parsed)
	if f, known := fault.Of(lost); lost != nil && (!known || f.Kind != fault.KindNotFound) {
		return Key{}, lost
	}
	if err != nil {
		return Key{}, refused(err)
	}
	if c.Authenticator.CloneWarning {
		return Key{}, refused(errors.New("the key's counter went back"))
	}
	return kept(c)
}
