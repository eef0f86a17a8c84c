/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzzer without libFuzzer, for the ordinary test run:
 *
 *	fuzz-NAME DIRECTORY…
 *
 * Every file of the directories, in order of name, goes in as it is and then ROUNDS times in a mutated form.
 *The mutations are the same in every run, so a failure repeats; the input that broke a promise is left in
 * fuzz-failure.bin of the working directory, which as an only file of a directory repeats it at once.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "common/fd.h"

#define ROUNDS      2000
#define SIZE_MAX_IN (64U << 10)

static uint8_t input[SIZE_MAX_IN];
static size_t input_size;

/* Called on the way down: only async-signal-safe calls. */
static void save_input(int signal_number)
{
	int fd = open("fuzz-failure.bin", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0)
		(void)!write(fd, input, input_size);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static uint32_t pick(uint64_t *state, size_t n)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(((*state * 0x2545f4914f6cdd1d) >> 33) % n);
}

static void replace_byte(uint64_t *state)
{
	static const uint8_t interesting[] = { 0,   '\n', '\r', '"',  '\\', '{',  '}', '[', ']', '#', '*',
					       ':', ',',  0x7f, 0x80, 0xc0, 0xff, '0', '9', '-', ' ', '=' };

	if (input_size)
		input[pick(state, input_size)] = interesting[pick(state, sizeof(interesting))];
}

static void flip_bit(uint64_t *state)
{
	if (input_size)
		input[pick(state, input_size)] ^= (uint8_t)(1U << pick(state, 8));
}

static void delete_run(uint64_t *state)
{
	size_t at, n;

	if (!input_size)
		return;
	at = pick(state, input_size);
	n = 1 + pick(state, input_size - at < 32 ? input_size - at : 32);
	memmove(input + at, input + at + n, input_size - at - n);
	input_size -= n;
}

/* Repeats a run of the input at another place of it. */
static void copy_run(uint64_t *state)
{
	uint8_t run[256];
	size_t from, to, n;

	if (!input_size || input_size > SIZE_MAX_IN - sizeof(run))
		return;
	from = pick(state, input_size);
	n = 1 + pick(state, input_size - from < sizeof(run) ? input_size - from : sizeof(run));
	memcpy(run, input + from, n);
	to = pick(state, input_size + 1);
	memmove(input + to + n, input + to, input_size - to);
	memcpy(input + to, run, n);
	input_size += n;
}

static void cut_end(uint64_t *state)
{
	if (input_size)
		input_size = pick(state, input_size);
}

static void mutate(uint64_t *state)
{
	static void (*const mutations[])(uint64_t *) = { replace_byte, replace_byte, flip_bit, flip_bit,
							 delete_run,   copy_run,     copy_run, cut_end };
	uint32_t n = 1 + pick(state, 4);

	while (n--)
		mutations[pick(state, sizeof(mutations) / sizeof(mutations[0]))](state);
}

/* Sanitizers see reads beyond the end of an allocation of the exact size. */
static void run_input(void)
{
	uint8_t *copy = malloc(input_size ? input_size : 1);

	FUZZ_CHECK(copy);
	memcpy(copy, input, input_size);
	LLVMFuzzerTestOneInput(copy, input_size);
	free(copy);
}

static void run_seed(const char *seed, size_t size)
{
	uint64_t state = 0x9e3779b97f4a7c15;

	memcpy(input, seed, input_size = size);
	run_input();
	for (int i = 0; i < ROUNDS; i++) {
		memcpy(input, seed, input_size = size);
		mutate(&state);
		run_input();
	}
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The number of seeds that were run, or -errno. */
static int run_directory(const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, is_visible, alphasort), r = n < 0 ? -errno : 0;

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *seed = NULL, *file = NULL;
		_cleanup_close_ int fd = -EBADF;
		size_t size;

		if (!r && asprintf(&file, "%s/%s", path, names[i]->d_name) < 0)
			r = -ENOMEM;
		free(names[i]);
		if (r)
			continue;
		fd = open(file, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? -errno : fd_read_all(fd, SIZE_MAX_IN, &seed, &size);
		if (!r)
			run_seed(seed, size);
	}
	free(names);
	return r ? r : n;
}

int main(int argc, char **argv)
{
	signal(SIGABRT, save_input);
	signal(SIGSEGV, save_input);
	for (int i = 1; i < argc; i++) {
		int n = run_directory(argv[i]);

		if (n <= 0) {
			fprintf(stderr, "%s: %s\n", argv[i], n ? strerror(-n) : "no seeds");
			return 1;
		}
		printf("%s: %d seeds, %d mutations each\n", argv[i], n, ROUNDS);
	}
	return argc > 1 ? 0 : 2;
}
