package sqlite

import (
	"context"
	"database/sql"

	"gatehouse/bridge/homekit"
)

// HomeKit implements homekit.Store.
func (h *House) HomeKit(ctx context.Context) (k homekit.Kept, err error) {
	tx, err := h.db.r.BeginTx(ctx, nil) // one moment for all tables
	if err != nil {
		return k, err
	}
	defer tx.Rollback() //nolint:errcheck // read only
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(code), '') FROM homekit").Scan(&k.Code); err != nil {
		return k, err
	}
	at := map[string]int{}
	err = houseRows(ctx, tx, func(rows *sql.Rows) error {
		var id homekit.Identity
		err := rows.Scan(&id.Accessory, &id.DeviceID, &id.SetupID, &id.Seed, &id.Version, &id.Shape, &id.Tries)
		at[id.Accessory] = len(k.Accessories)
		k.Accessories = append(k.Accessories, id)
		return err
	}, "SELECT accessory, device_id, setup_id, seed, version, shape, tries FROM homekit_accessory ORDER BY accessory")
	if err != nil {
		return k, err
	}
	err = houseRows(ctx, tx, func(rows *sql.Rows) error {
		var accessory string
		var c homekit.Controller
		var added, seen int64
		if err := rows.Scan(&accessory, &c.ID, &c.Key, &c.Admin, &added, &seen, &c.Peer); err != nil {
			return err
		}
		c.Added, c.Seen = timeOfHouse(added), timeOfHouse(seen)
		id := &k.Accessories[at[accessory]]
		id.Controllers = append(id.Controllers, c)
		return nil
	}, "SELECT accessory, id, key, admin, added, seen, peer FROM homekit_controller ORDER BY accessory, nth")
	if err != nil {
		return k, err
	}
	err = houseRows(ctx, tx, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		k.Rung = append(k.Rung, id)
		return err
	}, "SELECT request FROM homekit_rung ORDER BY nth")
	return k, err
}

// KeepHomeKit implements homekit.Store.
func (h *House) KeepHomeKit(ctx context.Context, k homekit.Kept, rungMost int) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		h.step("begin")
		if k.Code != "" {
			if _, err := tx.ExecContext(ctx, "INSERT INTO homekit(one, code) VALUES (1, ?) ON CONFLICT(one) DO UPDATE SET code = excluded.code", k.Code); err != nil {
				return err
			}
			h.step("code")
		}
		for _, id := range k.Accessories {
			if err := h.keepAccessory(ctx, tx, id); err != nil {
				return err
			}
		}
		for _, request := range k.Rung {
			if _, err := tx.ExecContext(ctx, "INSERT INTO homekit_rung(request) VALUES (?) ON CONFLICT DO NOTHING", request); err != nil {
				return err
			}
			h.step("rung")
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM homekit_rung WHERE nth NOT IN (SELECT nth FROM homekit_rung ORDER BY nth DESC LIMIT ?)", rungMost)
		return err
	})
}

func (h *House) keepAccessory(ctx context.Context, tx *sql.Tx, id homekit.Identity) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO homekit_accessory(accessory, device_id, setup_id, seed, version, shape, tries) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT(accessory) DO UPDATE SET device_id = excluded.device_id, setup_id = excluded.setup_id, seed = excluded.seed,
		version = excluded.version, shape = excluded.shape, tries = excluded.tries`,
		id.Accessory, id.DeviceID, id.SetupID, id.Seed, id.Version, id.Shape, id.Tries)
	if err != nil {
		return err
	}
	h.step("accessory")
	if _, err := tx.ExecContext(ctx, "DELETE FROM homekit_controller WHERE accessory = ?", id.Accessory); err != nil {
		return err
	}
	h.step("unpaired")
	for nth, c := range id.Controllers {
		_, err := tx.ExecContext(ctx, "INSERT INTO homekit_controller(accessory, nth, id, key, admin, added, seen, peer) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			id.Accessory, nth, c.ID, c.Key, c.Admin, houseTime(c.Added), houseTime(c.Seen), c.Peer)
		if err != nil {
			return err
		}
		h.step("controller")
	}
	return nil
}
