package lane311

import (
	"encoding/csv"
	"net/http"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/open311"
	"kua/internal/page"
)

// bulkColumns are those of GeoReport Bulk.
var bulkColumns = []string{"service_request_id", "requested_datetime", "updated_datetime", "closed_date", "status_description", "status_notes", "source",
	"service_name", "service_subtype", "description", "agency_responsible", "address", "lat", "long"}

const (
	bulkChunk = 500         // requests in memory at a time
	bulkTime  = time.Minute // to write them
)

// bulk streams all requests, or those that the filters name, newest first. A chunk
// is in memory at a time. When it cannot go on, the connection is broken off: half
// a file must not look whole.
func (s *Server) bulk(v *visit) (open311.Document, error) {
	query := v.query
	if query.Get("start_date") == "" {
		query.Set("start_date", "1970-01-01T00:00:00Z")
	}
	if query.Get("end_date") == "" {
		query.Set("end_date", s.now().UTC().Add(24*time.Hour).Format(time.RFC3339))
	}
	q, problems := open311.ParseQuery(query, s.now())
	problems = withoutSpan(problems)
	if len(problems) > 0 {
		return open311.Document{}, refused(problems)
	}
	done, err := s.lane.Download()
	if err != nil {
		return open311.Document{}, err
	}
	defer done()
	asked, none := wanted(q)
	asked.Limit, asked.Skip = s.chunk, 0
	var found []lane.Known
	if !none {
		found, err = s.lane.Ask(v.Context(), asked)
	}
	if err != nil {
		return open311.Document{}, err
	}
	v.rw.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	v.rw.Header().Set("Content-Disposition", `attachment; filename="requests.csv"`)
	if v.Method == http.MethodHead {
		return open311.Document{}, errDone
	}
	out := csv.NewWriter(v.rw)
	patience := http.NewResponseController(v.rw)
	_ = out.Write(bulkColumns) // its errors come with Flush
	for {
		_ = patience.SetWriteDeadline(time.Now().Add(bulkTime)) // not every writer has one
		for _, k := range found {
			row, err := s.row(v, k)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			_ = out.Write(row)
		}
		if out.Flush(); out.Error() != nil {
			panic(http.ErrAbortHandler)
		}
		if len(found) < s.chunk {
			return open311.Document{}, errDone
		}
		asked.Before = found[s.chunk-1].ID
		if found, err = s.lane.Ask(v.Context(), asked); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// withoutSpan lets a time be as long as it likes.
func withoutSpan(problems []error) (left []error) {
	for _, p := range problems {
		if f, ok := fault.Of(p); !ok || f.Key != "open311.span" {
			left = append(left, p)
		}
	}
	return left
}

func (s *Server) row(v *visit, k lane.Known) ([]string, error) {
	r, err := s.told(v, k)
	if err != nil {
		return nil, err
	}
	closed := ""
	if !k.Open {
		closed = stamp(r.Updated)
	}
	lat, long := "", ""
	if k.Place != nil {
		lat, long = k.Place.Lat.String(), k.Place.Lon.String()
	}
	return []string{r.ID, stamp(r.Requested), stamp(r.Updated), closed, r.Status, page.Cell(r.StatusNotes), k.Source, page.Cell(r.ServiceName), page.Cell(r.ServiceCode),
		page.Cell(r.Description), page.Cell(r.Agency), page.Cell(r.Address), lat, long}, nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
