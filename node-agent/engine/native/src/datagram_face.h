#pragma once

#include <node_api.h>

#include <vector>

namespace midstream {

// The methods of an engine object that are about datagrams.
std::vector<napi_property_descriptor> datagram_methods();

}  // namespace midstream
