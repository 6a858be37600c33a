package desk

import (
	"context"
	"errors"
	"fmt"

	"kua/internal/desk/deskdb"
	"kua/internal/fault"
	"kua/internal/parcel"
)

// settle opens a complete parcel and checks it whole. It reports false when the
// parcel is refused; an error is the desk's own, and the parcel is settled
// another time.
func (d *Desk) settle(ctx context.Context, p deskdb.Parcel) (bool, error) {
	bag, err := d.readBag(ctx, p)
	if err != nil {
		if ctx.Err() != nil || !refusable(err) {
			return false, err
		}
		return false, d.db.Refuse(ctx, p, err, d.person.Recipient())
	}
	c := d.Charter()
	size, err := d.parcel(p.ID).split(d.person, c.Recipients())
	if err != nil {
		return false, fmt.Errorf("split the header: %w", err)
	}
	return true, d.db.Complete(ctx, deskdb.Whole{
		Parcel: p, Bag: bag, Salts: salts(len(bag.Report.Files)), HeaderSize: size, Wrapped: c.Version, Words: wordsOf(bag.Report),
	})
}

// refusable reports whether an error says that the parcel is bad, and not the disk.
func refusable(err error) bool {
	f, ok := fault.Of(err)
	if !ok {
		return false
	}
	switch f.Kind {
	case fault.KindInvalid, fault.KindCorrupt, fault.KindTooLarge, fault.KindForbidden:
		return true
	}
	return false
}

func faultKey(err error) string {
	if f, ok := fault.Of(err); ok {
		return f.Key
	}
	return "page.internal"
}

// readBag reads all of a parcel that is complete but not yet whole. One whose
// header was taken out before a kill is read with its own header all the same.
func (d *Desk) readBag(ctx context.Context, p deskdb.Parcel) (*parcel.Bag, error) {
	sealed, err := d.parcel(p.ID).original(d.person)
	if err != nil {
		return nil, err
	}
	defer sealed.Close()
	plain, err := d.person.Open(&patient{ctx: ctx, r: sealed})
	if err != nil {
		return nil, err
	}
	bag, err := parcel.ReadBag(plain, parcel.Limits{})
	if err != nil && errors.Is(err, context.Canceled) {
		return nil, context.Canceled
	}
	return bag, err
}
