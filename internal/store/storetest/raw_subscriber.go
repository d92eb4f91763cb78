package storetest

import "time"

// AddSubscribers adds confirmed subscribers of a page, whose addresses do not open.
func (x *Tables) AddSubscribers(accountID, pageID int64, count int, now time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO status_subscriber (page_id, account_id, kind, hash, sealed, component_ids, language, created_at, expires_at,
		confirmed_at) SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), 0, CAST('load ' || i AS `+x.bytes()+`), CAST('' AS `+x.bytes()+`), '', '', 1, 0,
		CAST($3 AS BIGINT) FROM n`, pageID, accountID, now.Add(-time.Hour).UnixMilli())
}

// AgeSubscribers lets time pass for what subscriptions wait for, and for failures.
func (x *Tables) AgeSubscribers(d time.Duration) {
	x.t.Helper()
	x.Exec(`UPDATE status_subscriber SET expires_at = CASE WHEN expires_at = 0 THEN 0 ELSE expires_at - CAST($1 AS BIGINT) END,
		failing_since = CASE WHEN failing_since = 0 THEN 0 ELSE failing_since - CAST($1 AS BIGINT) END`, d.Milliseconds())
}

// MakeDeliveriesDue lets every delivery to a subscriber be due, also one that a node is sending.
func (x *Tables) MakeDeliveriesDue() {
	x.t.Helper()
	x.Exec(`UPDATE status_delivery SET due_at = 1`)
}

// RemindOf moves a maintenance of a page, and the reminder of it.
func (x *Tables) RemindOf(id int64, remind, start time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE maintenance SET remind_at = $2, once_from = $3, once_to = $4 WHERE id = $1`, id, remind.UnixMilli(), start.UnixMilli(),
		start.Add(time.Hour).UnixMilli())
}

// AgeDeliveries lets time pass for deliveries that are tried again.
func (x *Tables) AgeDeliveries(d time.Duration) {
	x.t.Helper()
	x.Exec(`UPDATE status_delivery SET created_at = created_at - CAST($1 AS BIGINT)`, d.Milliseconds())
	x.Exec(`UPDATE status_notice SET created_at = created_at - CAST($1 AS BIGINT)`, d.Milliseconds())
}

// DeliveriesTo counts the deliveries to a subscriber.
func (x *Tables) DeliveriesTo(subscriberID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM status_delivery WHERE subscriber_id = $1`, subscriberID)
}
