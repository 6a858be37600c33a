package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kua/internal/casefile"
	"kua/internal/fault"
	"kua/internal/media"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
	"kua/internal/redact"
	"kua/internal/verify"
	"kua/internal/witness"
)

// sample makes the witness's material: a film and a photo with a position and a
// name planted in them.
func (d *demo) sample(ctx context.Context) (string, error) {
	if err := os.MkdirAll(d.material(""), 0o700); err != nil {
		return "", err
	}
	film := d.material(d.canary + ".mp4")
	if err := media.Sample(ctx, d.film(), film); err != nil {
		return "", err
	}
	photo, err := demoPhoto(d.canary)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(d.material(d.canary+".jpg"), photo, 0o600); err != nil {
		return "", err
	}
	info, err := os.Stat(film)
	if err != nil {
		return "", err
	}
	return d.t("cli.demo.sample.done", info.Size(), len(photo)), nil
}

func (d *demo) film() media.SampleSpec {
	return media.SampleSpec{Width: 640, Height: 360, Length: 8 * time.Second, Token: d.canary}
}

// faceTrack is where the film's face is, in the words of a plan.
func faceTrack(c media.Cover) redact.Track {
	t := redact.Track{ID: "face", Label: "face", W: c.W, H: c.H, From: c.From.Milliseconds(), To: c.To.Milliseconds()}
	for _, p := range c.Points {
		t.Points = append(t.Points, redact.Point{At: p.At.Milliseconds(), X: p.X, Y: p.Y})
	}
	return t
}

func (d *demo) material(name string) string { return filepath.Join(d.dir, "witness", name) }

// tell is the witness: seal and send.
func (d *demo) tell(ctx context.Context) (string, error) {
	report := parcel.Report{
		Kind: parcel.ReportKind, What: "bribe", Language: "ru", Written: today(),
		Text:    "Выдумано для показа. Инспектор потребовал деньги, " + d.canary + " снял это регистратором.",
		When:    "вчера вечером",
		Where:   "у базара",
		Consent: parcel.Consent{Place: true},
		Fear:    "Что узнают машину. " + d.canary,
	}
	client := nodeapi.NewClient(d.node.url())
	chain, err := client.Charter(ctx)
	if err != nil {
		return "", err
	}
	ch, err := chain.Verify("")
	if err != nil {
		return "", err
	}
	sealed := d.material("report.kua")
	if d.receipt, err = witness.Seal(ctx, ch, report, witness.Files(d.material(d.canary+".mp4"), d.material(d.canary+".jpg")), sealed, nil); err != nil {
		return "", err
	}
	sent, err := witness.Send(ctx, client, sealed, nil)
	if err != nil {
		return "", err
	}
	d.parcel = sent.Parcel
	return d.t("cli.demo.seal.done", sent.Bytes, d.receipt.String()), nil
}

// gather is the desk: collect, read, open a case, wait until the originals have
// been looked at in the box.
func (d *demo) gather(ctx context.Context) (string, error) {
	got, err := d.desk.Collect(ctx, nil)
	if err != nil {
		return "", err
	}
	for _, n := range got.Nodes {
		if n.Err != nil {
			return "", n.Err
		}
	}
	r, err := d.seats[0].Report(ctx, d.parcel)
	if err != nil {
		return "", err
	}
	if d.caseID, err = d.seats[0].OpenCase(ctx, d.parcel); err != nil {
		return "", err
	}
	if err := d.desk.WaitIdle(ctx); err != nil {
		return "", err
	}
	return d.t("cli.demo.collect.done", got.Bytes, len(r.Originals)), nil
}

// mark covers the face in the film and in the photo, mutes the voice and renders.
func (d *demo) mark(ctx context.Context) (string, error) {
	v, err := d.desk.Case(ctx, d.caseID)
	if err != nil {
		return "", err
	}
	made := 0
	for _, o := range v.Reports[0].Originals {
		plan, version, err := d.desk.Plan(ctx, o.ID)
		if err != nil {
			return "", err
		}
		plan.Reviewed, plan.Covered = true, false
		switch o.Medium.Kind {
		case "film":
			plan.Tracks = []redact.Track{faceTrack(media.SampleFace(d.film()))}
		case "photo":
			plan.Boxes = []redact.Box{{ID: "face", Label: "face", X: 310, Y: 200, W: 220, H: 260}}
		}
		if _, _, err := d.seats[0].SavePlan(ctx, o.ID, plan, version); err != nil {
			return "", err
		}
		job, err := d.seats[0].Render(ctx, o.ID)
		if err != nil {
			return "", err
		}
		done, err := d.desk.WaitJob(ctx, job, nil)
		if err != nil {
			return "", err
		}
		if done.Fault != nil {
			return "", done.Fault
		}
		hits, err := d.desk.Hits(ctx, o.ID)
		if err != nil {
			return "", err
		}
		for _, h := range hits {
			if err := d.seats[0].AnswerHit(ctx, o.ID, h.ID, "made up: a drawing"); err != nil {
				return "", err
			}
		}
		files, _, err := d.desk.Derivatives(ctx, o.ID)
		if err != nil {
			return "", err
		}
		made += len(files)
	}
	return d.t("cli.demo.mark.done", made), nil
}

// write drafts the record: what is known, what is claimed by whom.
func (d *demo) write(ctx context.Context) (string, error) {
	v, err := d.desk.Case(ctx, d.caseID)
	if err != nil {
		return "", err
	}
	draft, version, err := d.desk.Draft(ctx, d.caseID)
	if err != nil {
		return "", err
	}
	draft.Languages = []string{"ru", "en"}
	draft.What = "bribe"
	draft.Title = casefile.Text{"en": "Made up: a bribe is demanded near the bazaar", "ru": "Выдумано: у базара требуют взятку"}
	draft.Summary = casefile.Text{
		"en": "A made-up record for trying Kuä. A dashcam film shows an inspector asking a driver for money.",
		"ru": "Выдуманная запись, чтобы попробовать Kuä. На записи регистратора инспектор требует у водителя деньги.",
	}
	draft.From, draft.To = today(), ""
	draft.Place = casefile.Place{
		Words: casefile.Text{"en": "Almaty, near the bazaar", "ru": "Алматы, у базара"},
		Point: &parcel.Point{Lat: 43.2609, Lon: 76.9543}, Coarseness: casefile.Region,
	}
	draft.Known = []casefile.Text{{"en": "The film is one piece, eight seconds long.", "ru": "Запись без склеек, восемь секунд."}}
	draft.Claims = []casefile.Claim{
		{Source: casefile.Text{"en": "the witness", "ru": "свидетель"}, Words: casefile.Text{"en": "Money was demanded.", "ru": "Требовали деньги."}},
		{Source: casefile.Text{"en": "the police (made up)", "ru": "полиция (выдумано)"}, Words: casefile.Text{"en": "It was a document check.", "ru": "Была проверка документов."}},
	}
	draft.Media = nil
	for _, o := range v.Reports[0].Originals {
		draft.Media = append(draft.Media, casefile.Exhibit{
			Original: o.ID,
			Label:    casefile.Text{"en": "Dashcam (made up)", "ru": "Регистратор (выдумано)"},
			Covered:  casefile.Text{"en": "One face is covered; all sound is muted.", "ru": "Одно лицо закрыто, весь звук выключен."},
		})
	}
	draft.Accepted = map[string]string{}
	for _, w := range v.Warnings {
		draft.Accepted[w.ID] = "looked at, frame by frame"
	}
	if _, err := d.seats[0].SaveDraft(ctx, d.caseID, draft, version); err != nil {
		return "", err
	}
	if v, err = d.desk.Case(ctx, d.caseID); err != nil {
		return "", err
	}
	for _, w := range v.Warnings {
		draft.Accepted[w.ID] = "looked at, frame by frame"
	}
	if _, err := d.seats[0].SaveDraft(ctx, d.caseID, draft, version+1); err != nil {
		return "", err
	}
	lacks, err := d.desk.CheckDraft(ctx, d.caseID)
	if err != nil {
		return "", err
	}
	for _, l := range lacks {
		return "", l
	}
	words, _ := d.lang.Text(draft.Title)
	return words, nil
}

func (d *demo) propose(ctx context.Context) (string, error) {
	p, err := d.seats[0].Propose(ctx, casefile.Checklist(), d.caseID)
	if err != nil {
		return "", err
	}
	if _, err := d.seats[0].Approve(ctx, p.ID, casefile.Checklist()); err == nil {
		return "", fmt.Errorf("one person alone could approve their own proposal")
	}
	if p, err = d.seats[1].Approve(ctx, p.ID, casefile.Checklist()); err != nil {
		return "", err
	}
	d.record = p.Records[0].ID
	return strings.Join(p.Signed, " + "), nil
}

func (d *demo) spread(ctx context.Context) (string, error) {
	out, err := d.desk.Publish(ctx, nil)
	if err != nil {
		return "", err
	}
	for _, n := range out.Nodes {
		if n.Fault != nil {
			return "", n.Fault
		}
		if n.Behind {
			return "", fault.Later("cli.desk.node_behind", n.URL, n.Edition)
		}
	}
	return d.t("cli.demo.publish.done", out.Edition, d.record), nil
}

// answer sends a sealed reply and opens it with the receipt.
func (d *demo) answer(ctx context.Context) (string, error) {
	const words = "Made up: we read your report and published it. What can we do for you?"
	r, err := d.seats[0].Reply(ctx, d.caseID, d.parcel, words)
	if err != nil {
		return "", err
	}
	if r.Unsent() {
		return "", fmt.Errorf("no node took the reply")
	}
	texts, err := witness.Replies(ctx, nodeapi.NewClient(d.node.url()), d.receipt)
	if err != nil {
		return "", err
	}
	if len(texts) != 1 || texts[0] != words {
		return "", fmt.Errorf("the receipt opened %d replies", len(texts))
	}
	return texts[0], nil
}

// verify checks what the node serves, as a stranger would.
func (d *demo) verify(ctx context.Context) (string, error) {
	source, err := verify.HTTP(d.node.url(), nil)
	if err != nil {
		return "", err
	}
	report, err := verify.Edition(ctx, source, verify.Options{})
	if err != nil {
		return "", err
	}
	if report.Result != verify.OK {
		return "", fmt.Errorf("the published edition does not verify: %v", report.Findings)
	}
	return d.t("cli.demo.verify.done", report.Files, report.Log.Size), nil
}

// seizure searches everything that lies on the node for what was planted.
func (d *demo) seizure(context.Context) (string, error) {
	searched := 0
	for _, dir := range []string{d.node.dir, d.desk.Tree()} {
		n, err := d.search(dir)
		if err != nil {
			return "", err
		}
		searched += n
	}
	return d.t("cli.demo.canary.done", searched), nil
}

// search fails if a file below dir, or its name, holds the canary in any spelling.
func (d *demo) search(dir string) (files int, err error) {
	spellings := []string{d.canary, hex.EncodeToString([]byte(d.canary)), utf16le(d.canary)}
	err = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, s := range spellings {
			if strings.Contains(string(b), s) || strings.Contains(path, s) {
				return fmt.Errorf("what the witness's files told is in %s", path)
			}
		}
		return nil
	})
	return files, err
}

func utf16le(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
		b.WriteByte(byte(r >> 8))
	}
	return b.String()
}
