#define _GNU_SOURCE /* dl_iterate_phdr */

#include "lean.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The dynamic linker tells addresses as numbers. */
static void *pointer(uintptr_t address)
{
	void *p;

	memcpy(&p, &address, sizeof(p));
	return p;
}

/* Relocations in its code: it has been written to, whatever its header says. */
static bool has_textrel(const ElfW(Dyn) * d)
{
	for (; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
			return true;
	return false;
}

/* Only what cannot have been written to: it comes back as it is in the file. */
static int drop_pages(struct dl_phdr_info *object, size_t size, void *page_size)
{
	uintptr_t page = *(const uintptr_t *)page_size;

	(void)size;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &object->dlpi_phdr[i];
		if (h->p_type == PT_DYNAMIC && has_textrel(pointer(object->dlpi_addr + h->p_vaddr)))
			return 0;
	}
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &object->dlpi_phdr[i];
		uintptr_t start = (object->dlpi_addr + h->p_vaddr + page - 1) & ~(page - 1);
		uintptr_t end = (object->dlpi_addr + h->p_vaddr + h->p_filesz) & ~(page - 1);

		if (h->p_type == PT_LOAD && !(h->p_flags & PF_W) && start < end)
			(void)!madvise(pointer(start), end - start, MADV_DONTNEED);
	}
	return 0;
}

void lean(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	malloc_trim(0);
	dl_iterate_phdr(drop_pages, &page);
}
