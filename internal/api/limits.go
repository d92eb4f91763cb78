package api

import (
	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// accountRequests is how many requests of an account may be in progress, on one node.
const accountRequests = 64

// The bodies that calls take. Each has room for members that nothing reads.
var (
	jobBody         = wire.BodyLimit{Bytes: 7 << 20, Items: wire.MaxItems} // of which body, headers, URL and credentials take 6.6 MiB at most
	tlsBody         = wire.BodyLimit{Bytes: wire.EscapedLength*(cron.MaxRootsLength+cron.MaxCertificateLength+cron.MaxKeyLength) + 16<<10, Items: 100}
	bulkBody        = wire.BodyLimit{Bytes: wire.MaxBulkPatch + 128<<10, Items: 2 * wire.MaxBulkJobs} // ids may repeat
	actionBody      = wire.BodyLimit{Bytes: cron.MaxActionOrder, Items: 2 * cron.MaxActionJobs}
	folderBody      = wire.BodyLimit{Bytes: 32 << 10, Items: 100}
	problemBody     = wire.BodyLimit{Bytes: wire.EscapedLength*4*cron.MaxProblemNote + 4<<10, Items: 20}
	secretBody      = wire.BodyLimit{Bytes: wire.EscapedLength*cron.MaxSecretLength + 16<<10, Items: 100}
	channelBody     = wire.BodyLimit{Bytes: wire.EscapedLength*(cron.MaxChannelTemplate+4*cron.MaxChannelSetting+cron.MaxHeaderLength) + 64<<10, Items: 2000}
	keyBody         = wire.BodyLimit{Bytes: 64 << 10, Items: 1000}
	personBody      = wire.BodyLimit{Bytes: 32 << 10, Items: 100}
	viewBody        = wire.BodyLimit{Bytes: 1 << 20, Items: 4000}
	maintenanceBody = wire.BodyLimit{Bytes: 64 << 10, Items: 1000}
	statusPageBody  = wire.BodyLimit{Bytes: wire.EscapedLength*(statuspage.MaxText+(statuspage.MaxGroups+statuspage.MaxComponents)*2*statuspage.MaxNote) + 128<<10, Items: 10_000}
	incidentBody    = wire.BodyLimit{Bytes: wire.EscapedLength*statuspage.MaxUpdateText + 64<<10, Items: 1000}
	planBody        = wire.BodyLimit{Bytes: wire.EscapedLength*statuspage.MaxMaintenanceText + 64<<10, Items: 1000}
	domainBody      = wire.BodyLimit{Bytes: 16 << 10, Items: 100}
	stateBody       = wire.BodyLimit{Bytes: 4 << 10, Items: 20}
	nodeBody        = wire.BodyLimit{Bytes: 4 << 10, Items: 50}
	accountBody     = wire.BodyLimit{Bytes: 64 << 10, Items: 200}
	rerunBody       = wire.BodyLimit{Bytes: 64 << 10, Items: 100}
	runBody         = wire.BodyLimit{Bytes: 64 << 10, Items: 100} // nothing of it is read
)
