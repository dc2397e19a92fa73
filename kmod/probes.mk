# SPDX-License-Identifier: GPL-2.0-only
# What of the kernel's interface compat.h need not make up for: COMPAT.md lists
# it all. Headers are asked, not the version: distributions backport.

daddr-headers := $(srctree)/include/linux

ifeq ($(wildcard $(daddr-headers)/skbuff.h),)
$(error found no linux/skbuff.h in $(srctree)/include, expected the headers of the kernel)
endif

# $(call daddr-probe,MACRO,WORD,HEADER): defines MACRO if HEADER has WORD
daddr-probe = $(if $(shell grep -w $(2) $(daddr-headers)/$(3)),-D$(1))

ccflags-y += $(call daddr-probe,DADDR_HAVE_USERSIZE,usersize,netfilter/x_tables.h)
ccflags-y += $(call daddr-probe,DADDR_HAVE_XT_HOOKNUM,xt_hooknum,netfilter/x_tables.h)
ccflags-y += $(call daddr-probe,DADDR_HAVE_NFT_COMPAT,nft_compat,netfilter/x_tables.h)
ccflags-y += $(call daddr-probe,DADDR_HAVE_SKB_ENSURE_WRITABLE,skb_ensure_writable,skbuff.h)
ccflags-y += $(call daddr-probe,DADDR_HAVE_GSO_FRAGLIST,SKB_GSO_FRAGLIST,skbuff.h)
ccflags-y += $(call daddr-probe,DADDR_HAVE_U64_STATS_INIT,u64_stats_init,u64_stats_sync.h)
ccflags-y += $(call daddr-probe,DADDR_HAVE_SYSCTL_CONST,typedef.int.proc_handler.const,sysctl.h)
ccflags-y += $(call daddr-probe,DADDR_HAVE_SYSCTL_USER_BUFFER,void.__user,sysctl.h)

# Before 4.3, a hook is that of every network namespace.
daddr-have-net-hooks := $(shell grep -w nf_register_net_hook $(daddr-headers)/netfilter.h)
