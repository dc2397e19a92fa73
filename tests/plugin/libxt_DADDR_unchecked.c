// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin that hands every address to the kernel: whether the kernel refuses
 * one itself can only be seen past the real plugin, which refuses it first.
 */
#include <arpa/inet.h>
#include <xtables.h>

#include "xt_DADDR.h"

static const struct xt_option_entry unchecked_opts[] = {
	{.name = "set-daddr", .id = 0, .type = XTTYPE_STRING, .flags = XTOPT_MAND},
	XTOPT_TABLEEND,
};

static void unchecked_parse(struct xt_option_call *cb)
{
	struct xt_daddr_info *info = cb->data;

	xtables_option_parse(cb);
	if (inet_pton(AF_INET6, cb->arg, &info->daddr) != 1)
		inet_pton(AF_INET, cb->arg, &info->daddr);
}

static struct xtables_target unchecked_reg = {
	.version = XTABLES_VERSION,
	.name = "DADDR",
	.revision = 0,
	.family = NFPROTO_UNSPEC,
	.size = XT_ALIGN(sizeof(struct xt_daddr_info)),
	.userspacesize = XT_ALIGN(sizeof(struct xt_daddr_info)),
	.x6_parse = unchecked_parse,
	.x6_options = unchecked_opts,
};

static void __attribute__((constructor)) unchecked_register(void)
{
	xtables_register_target(&unchecked_reg);
}
