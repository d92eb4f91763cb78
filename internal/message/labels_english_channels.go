package message

// englishChannels are the labels of channels, secrets and TLS material.
var englishChannels = map[string]string{}
