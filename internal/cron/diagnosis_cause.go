package cron

// Cause is why an attempt failed, or was not made. Package message has a sentence for each. The numbers are not stored.
type Cause int

// The causes, by the phases in which they occur.
const (
	CauseNone    Cause = iota
	CauseUnknown       // a later version of this program stored it
	CauseURL           // Diagnosis.URL says what is wrong
	CauseUnknownSecret

	CauseHostNotFound
	CauseResolver
	CauseLookupTimeout

	CauseRefused
	CauseUnreachable
	CauseConnect
	CauseConnectTimeout
	CauseBlocked
	CauseMetadata
	CauseOwnListener
	CauseDenied
	CauseLinkLocal
	CauseNotGlobal

	CauseCertificateExpired
	CauseCertificateNotYet
	CauseCertificateChain
	CauseCertificateHost
	CauseCertificateUnknown
	CauseCertificateInvalid
	CauseTLSTimeout
	CauseTLSClosed
	CauseTLSReset
	CauseTLSMissing
	CauseTLSVersion
	CauseTLSName
	CauseTLSProtocol
	CauseTLSCommon
	CauseClientCertificateWanted
	CauseClientCertificateRefused
	CauseTLSAlert
	CauseTLSRecord
	CauseTLS

	CauseSilent
	CauseHeadSlow
	CauseBodySlow
	CauseClosedSilent
	CauseClosedHead
	CauseClosedBody
	CauseResetSilent
	CauseResetHead
	CauseResetBody
	CauseKeptClosed
	CauseHeadTooLarge
	CauseTooLarge

	CauseTLSExpected
	CauseNotHTTP
	CauseEmptyLine
	CauseHTTPVersion
	CauseNoStatusCode
	CauseNULByte
	CauseFoldedFirst
	CauseNoColon
	CauseTransferCoding
	CauseContentLength
	CauseChunkOverhead
	CauseChunkEnd
	CauseChunkSize
	CauseChunkTooLarge
	CauseTrailer
	CauseHeadLines
	CauseMalformed

	CauseStatus
	CauseStatusUnexpected
	CauseRedirect
	CauseRedirects
	CauseRedirectLoop
	CauseRedirectURL
	CauseBodyLacks
	CauseBodyHolds
	CauseBodyMismatch
	CauseMatchTime

	CauseInternal
	CauseShortOfFiles
	CauseShortOfMemory
	CauseShortOfPorts
	CauseShortOfRoots
	CauseShortOfSource
	CauseShortOfResolver
	CauseShortOfProxy
	CauseShortOfProxyLogin
	CauseShortOfProxyPermit
	CauseShortOfProxyAnswer
	CauseMatchBusy
	CauseLost

	CauseOverlap
	CauseDisabled
	CauseMissed
	CauseLate // of a JobProblem: Timeout is the lateness that its job allows
	CausePaused
	CauseAccountDisabled
	CauseMaintenance

	CauseEnded    // of a test run, by somebody
	CauseTestLost // of a test run, whose node stopped
)

// Remedy is what to do about a failure. Package message has a sentence for each but RemedyNone. The numbers are not stored.
type Remedy int

// The remedies.
const (
	RemedyNone Remedy = iota
	RemedyOperator

	RemedySecret
	RemedyName
	RemedyNameServers
	RemedyListening
	RemedyHostUp
	RemedyIPv6
	RemedyLocalRules
	RemedyFirewall
	RemedyOtherAddress
	RemedyDenied
	RemedyPrivateNetworks

	RemedyRenew
	RemedyNotYet
	RemedyChain
	RemedyCertificateHost
	RemedyCertificateName
	RemedyAuthority
	RemedyCertificate
	RemedySpeaksTLS
	RemedyUseHTTP
	RemedyUseHTTPS
	RemedyTLSVersion
	RemedyTLSName
	RemedyTLSProtocol
	RemedyTLSCommon
	RemedyAddClientCertificate
	RemedyClientCertificate

	RemedyTimeout
	RemedyTimeoutMost
	RemedyTargetLog
	RemedyFresh
	RemedyHeadSize
	RemedyOversize
	RemedySendLess
	RemedyServesHTTP
	RemedyServerBug

	RemedyRequest
	RemedyCredentials
	RemedyForbidden
	RemedyPath
	RemedyMethod
	RemedyRequestSize
	RemedyURLLength
	RemedyRequestHeaders
	RemedyContentType
	RemedyMediaType
	RemedySlower
	RemedyTargetFault
	RemedyGateway
	RemedyUnavailable
	RemedyConditional
	RemedyCountStatus

	RemedyRedirectTarget
	RemedyFollow
	RemedyRedirectSuccess
	RemedyFinalURL
	RemedyRedirectsMore
	RemedyRedirectsFewer
	RemedyRedirectLoop
	RemedyLocation

	RemedyBodyLacks
	RemedyBodyHolds
	RemedyBodyMismatch
	RemedyBodyCut
	RemedyBodyCompressed
	RemedyPattern

	RemedyFiles
	RemedyMemory
	RemedyPorts
	RemedyRoots
	RemedySource
	RemedyResolver
	RemedyProxy
	RemedyProxyLogin
	RemedyProxyPermit
	RemedyMatchBusy
	RemedyLost
	RemedyOverlap
	RemedyMisfire
	RemedyStartAgain
)

// plainCauses are the causes of faults that have one cause and one remedy only.
var plainCauses = map[Fault]struct {
	cause  Cause
	remedy Remedy
}{
	FaultUnknownSecret:   {CauseUnknownSecret, RemedySecret},
	FaultHostNotFound:    {CauseHostNotFound, RemedyName},
	FaultResolver:        {CauseResolver, RemedyNameServers},
	FaultLookupTimeout:   {CauseLookupTimeout, RemedyNameServers},
	FaultRefused:         {CauseRefused, RemedyListening},
	FaultConnect:         {CauseConnect, RemedyLocalRules},
	FaultConnectTimeout:  {CauseConnectTimeout, RemedyFirewall},
	FaultBlocked:         {CauseBlocked, RemedyOtherAddress},
	FaultMetadata:        {CauseMetadata, RemedyOtherAddress},
	FaultOwnListener:     {CauseOwnListener, RemedyOtherAddress},
	FaultLinkLocal:       {CauseLinkLocal, RemedyOtherAddress},
	FaultDenied:          {CauseDenied, RemedyDenied},
	FaultNotGlobal:       {CauseNotGlobal, RemedyPrivateNetworks},
	FaultMatchTime:       {CauseMatchTime, RemedyPattern},
	FaultInternal:        {CauseInternal, RemedyOperator},
	FaultMatchBusy:       {CauseMatchBusy, RemedyMatchBusy},
	FaultLost:            {CauseLost, RemedyLost},
	FaultOverlap:         {CauseOverlap, RemedyOverlap},
	FaultDisabled:        {CauseDisabled, RemedyNone},
	FaultMissed:          {CauseMissed, RemedyMisfire},
	FaultPaused:          {CausePaused, RemedyNone},
	FaultAccountDisabled: {CauseAccountDisabled, RemedyNone},
	FaultMaintenance:     {CauseMaintenance, RemedyNone},
}
