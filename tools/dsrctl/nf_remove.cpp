// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/nf_remove.hpp"

#include <cerrno>

#include "common/process.hpp"
#include "dsrctl/nf_attributes.hpp"
#include "dsrctl/nf_tables.hpp"

namespace dsr {

namespace {

class Batch {
public:
	Batch() : buffer_(65536) {}

	void mark(std::uint16_t type)
	{
		nlmsghdr *message = put(type, 0, AF_UNSPEC);
		auto *header = static_cast<nfgenmsg *>(mnl_nlmsg_get_payload(message));

		header->res_id = htons(NFNL_SUBSYS_NFTABLES);
		done(message);
	}
	void remove(std::uint8_t family, const std::string &table, const std::string &chain,
		    std::uint64_t handle)
	{
		nlmsghdr *message = put(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE, NLM_F_ACK,
					family);

		mnl_attr_put_strz(message, NFTA_RULE_TABLE, table.c_str());
		mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain.c_str());
		mnl_attr_put_u64(message, NFTA_RULE_HANDLE, htobe64(handle));
		done(message);
	}
	const char *data() const { return buffer_.data(); }
	std::size_t size() const { return size_; }

private:
	nlmsghdr *put(int type, int flags, std::uint8_t family)
	{
		if (size_ + 1024 > buffer_.size())
			buffer_.resize(buffer_.size() * 2);
		nlmsghdr *message = mnl_nlmsg_put_header(buffer_.data() + size_);
		auto *header = static_cast<nfgenmsg *>(
			mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));

		message->nlmsg_type = static_cast<std::uint16_t>(type);
		message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
		message->nlmsg_seq = ++sequence_;
		header->nfgen_family = family;
		header->version = NFNETLINK_V0;
		return message;
	}
	void done(const nlmsghdr *message) { size_ += NLMSG_ALIGN(message->nlmsg_len); }

	std::vector<char> buffer_;
	std::size_t size_ = 0;
	std::uint32_t sequence_ = 0;
};

const nf::Chain *chain_of(const std::vector<nf::Table> &tables, const std::string &family,
			  const std::string &name, const std::string &chain)
{
	for (const nf::Table &table : tables)
		if (table.family == family && table.name == name) {
			const auto found = table.chains.find(chain);

			return found == table.chains.end() ? nullptr : &found->second;
		}
	return nullptr;
}

// The handles of the last rules with these texts.
std::vector<std::uint64_t> handles_of(const nf::Chain *chain, const std::vector<std::string> &texts)
{
	std::vector<std::uint64_t> handles;

	for (const std::string &text : texts) {
		std::uint64_t handle = 0;

		for (const nf::Rule &rule : chain ? chain->rules : std::vector<nf::Rule>())
			if (shell_line(rule.words) == text &&
			    std::find(handles.begin(), handles.end(), rule.handle) == handles.end())
				handle = rule.handle;
		if (!handle)
			throw Error(
				"the rule \"" + text +
				"\" is no longer in PREROUTING: somebody else removed it first");
		handles.push_back(handle);
	}
	return handles;
}

} // namespace

void remove_nf_rules(Family family, const std::string &table, const std::vector<std::string> &texts)
{
	const bool ip4 = family == Family::ip4;
	const std::vector<nf::Table> tables = read_nf_tables();
	NetlinkSocket socket(NETLINK_NETFILTER);
	Batch batch;
	std::size_t answers = 0;
	int failed = 0;

	batch.mark(NFNL_MSG_BATCH_BEGIN);
	const auto handles = handles_of(chain_of(tables, ip4 ? "ip" : "ip6", table, "PREROUTING"),
					texts);
	for (const std::uint64_t handle : handles)
		batch.remove(ip4 ? NFPROTO_IPV4 : NFPROTO_IPV6, table, "PREROUTING", handle);
	batch.mark(NFNL_MSG_BATCH_END);
	socket.send(batch.data(), batch.size());
	while (answers < handles.size() && !failed) {
		const char *data;
		int left = static_cast<int>(socket.receive_raw(data));

		if (left < 0)
			fail("removing rules of nf_tables", errno);
		for (auto *one = reinterpret_cast<const nlmsghdr *>(data); mnl_nlmsg_ok(one, left);
		     one = mnl_nlmsg_next(one, &left)) {
			if (one->nlmsg_type != NLMSG_ERROR)
				continue;
			answers++;
			const int error =
				-static_cast<const nlmsgerr *>(mnl_nlmsg_get_payload(one))->error;
			failed = failed ? failed : error;
		}
	}
	if (failed)
		fail("removing rules of nf_tables", failed);
}

} // namespace dsr
