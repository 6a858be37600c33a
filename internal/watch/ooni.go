package watch

import (
	"encoding/json"
	"strings"
	"time"
)

// Measurement is an observation in the shape of OONI's base data format (df-000)
// with the keys of its web_connectivity test that can be filled in from what was
// seen. It is written to a file; nothing is sent anywhere. Where a place is hidden
// it says AS0, ZZ and 127.0.0.1, as that format wants.
type Measurement struct {
	Annotations map[string]string `json:"annotations"`
	DataFormat  string            `json:"data_format_version"`
	Input       string            `json:"input"`
	Start       string            `json:"measurement_start_time"`
	ASN         string            `json:"probe_asn"`
	CC          string            `json:"probe_cc"`
	IP          string            `json:"probe_ip"`
	ReportID    string            `json:"report_id"`
	Resolver    string            `json:"resolver_asn"`
	Software    string            `json:"software_name"`
	Version     string            `json:"software_version"`
	Keys        testKeys          `json:"test_keys"`
	TestName    string            `json:"test_name"`
	Runtime     float64           `json:"test_runtime"`
	TestStart   string            `json:"test_start_time"`
	TestVersion string            `json:"test_version"`
}

type testKeys struct {
	Accessible *bool   `json:"accessible"` // null: cannot be told
	Blocking   any     `json:"blocking"`   // false, or "dns", "tcp_ip", "http-failure", "http-diff"; null: cannot be told
	Failure    *string `json:"http_experiment_failure"`
	DNSFailure *string `json:"dns_experiment_failure"`
	Result     string  `json:"x_kua_result"`
	Phase      string  `json:"x_kua_phase,omitempty"`
	Bytes      int64   `json:"x_kua_bytes,omitempty"`
}

// OONI writes observations as lines of measurements. version is the program's.
func OONI(all []Observation, version string) ([]byte, error) {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	for _, o := range all {
		if err := enc.Encode(measure(o, version)); err != nil {
			return nil, err
		}
	}
	return []byte(out.String()), nil
}

func measure(o Observation, version string) Measurement {
	at := o.At
	if t, err := time.Parse(time.RFC3339, o.At); err == nil {
		at = t.Format("2006-01-02 15:04:05")
	}
	input := o.URL
	if o.Path != "" {
		input = strings.TrimRight(o.URL, "/") + "/" + o.Path
	}
	return Measurement{
		Annotations: map[string]string{"record": o.Record, "place": o.Place.Name}, DataFormat: "0.2.0", Input: input, Start: at,
		ASN: o.Place.Network, CC: o.Place.Country, IP: "127.0.0.1", Resolver: "AS0", Software: "kua", Version: version, Keys: keys(o),
		TestName: "web_connectivity", TestStart: at, TestVersion: "0.4.3",
	}
}

func keys(o Observation) testKeys {
	k := testKeys{Result: o.Result, Phase: o.Phase, Bytes: o.Bytes}
	yes, no := true, false
	failure := func(s string) *string { return &s }
	switch {
	case o.Result == OK || o.Result == Stale || o.Result == Altered || o.Result == Forked || o.Result == Removed:
		k.Accessible, k.Blocking = &yes, false
	case o.Result != Failed:
	case o.Phase == DNS:
		k.DNSFailure = failure("unknown_failure: dns")
	case o.Phase == Freeze:
		k.Failure = failure("generic_timeout_error")
	default:
		k.Failure = failure("unknown_failure: " + o.Phase)
	}
	if o.Result == Failed {
		k.Accessible = &no
	}
	if o.Forged {
		k.Blocking = map[string]string{DNS: "dns", TLS: "http-failure", HTTP: "http-diff"}[o.Phase]
	}
	return k
}
