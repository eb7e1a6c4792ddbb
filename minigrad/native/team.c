/* Threads that run one function together, each a share of its work.
 *
 * They are started once, and wait for work: for a while awake, then asleep. While one caller has
 * them, another one runs its function alone. A function is given its team (NULL where there is
 * none), the place of its member and how many there are. What others have written it reads behind a
 * meeting, at which all members wait for each other.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#define LARGEST 64
#define PATIENCE 5000 /* looks before who waits falls asleep: 0.05 to 0.3 ms */

#if defined __x86_64__
#define LOOK_AGAIN __builtin_ia32_pause()
#elif defined __aarch64__
#define LOOK_AGAIN __asm__ volatile("yield")
#else
#define LOOK_AGAIN (void)0
#endif

typedef struct team team;
typedef long work(char *const *table, team *team, long member, long members);

/* Something that is counted, and waited for. */
typedef struct {
    atomic_long count;
    atomic_int asleep;
    pthread_mutex_t door;
    pthread_cond_t bell;
} event;

struct team {
    /* What functions call. */
    int (*meet)(team *);
    void (*fail)(team *, long);

    /* The function that is run now, by so many members; the first of them is who called. */
    work *function;
    char *const *table;
    long members;
    event begun[LARGEST]; /* functions, by member */
    event ended;          /* functions, by all members */
    atomic_long done;     /* members but the first that have ended this one */

    event met;
    atomic_long arrived;  /* members that are at the next meeting */
    long failing, failed; /* what a member said, and what all have heard at a meeting */

    long threads;
    pthread_mutex_t taken;
};

/* Wait until a count is not any more what it was. */
static void wait_for(event *e, long was) {
    for (int i = 0; i < PATIENCE; ++i) {
        if (atomic_load(&e->count) != was) return;
        LOOK_AGAIN;
    }
    pthread_mutex_lock(&e->door);
    atomic_fetch_add(&e->asleep, 1);
    while (atomic_load(&e->count) == was) pthread_cond_wait(&e->bell, &e->door);
    atomic_fetch_sub(&e->asleep, 1);
    pthread_mutex_unlock(&e->door);
}

/* Count up, and wake those who wait for it. */
static void tell(event *e) {
    atomic_fetch_add(&e->count, 1);
    if (atomic_load(&e->asleep)) {
        pthread_mutex_lock(&e->door);
        pthread_cond_broadcast(&e->bell);
        pthread_mutex_unlock(&e->door);
    }
}

/* Wait for all members; whether one of them had failed before. */
static int meet(team *t) {
    const long before = atomic_load(&t->met.count);
    if (atomic_fetch_add(&t->arrived, 1) == t->members - 1) {
        t->failed = t->failing;
        atomic_store(&t->arrived, 0);
        tell(&t->met);
    } else {
        wait_for(&t->met, before);
    }
    return t->failed != 0;
}

/* The last that a member does: at the next meeting, at which it is too, all others end. */
static void fail(team *t, long why) {
    t->failing = why;
    meet(t);
}

static team the_team;

static void *thread(void *member) {
    team *const t = &the_team;
    const long me = (long)(ptrdiff_t)member;
    for (long before = 0;; ++before) {
        wait_for(&t->begun[me], before);
        const long others = t->members - 1; /* behind `done` it may be that of the next function */
        t->function(t->table, t, me, others + 1);
        if (atomic_fetch_add(&t->done, 1) == others - 1) tell(&t->ended);
    }
    return NULL;
}

/* Start threads for so many members; how many there can be. Signals are for those who called. */
static long start(team *t, long members) {
    sigset_t all, own;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &own);
    while (t->threads < members - 1) {
        pthread_t started;
        const long me = t->threads + 1;
        if (pthread_create(&started, NULL, thread, (void *)(ptrdiff_t)me)) break;
        pthread_detach(started);
        t->threads = me;
    }
    pthread_sigmask(SIG_SETMASK, &own, NULL);
    return t->threads + 1 < members ? t->threads + 1 : members;
}

/* Run a function by as many members as BLAS has threads, each of which calls it with one. */
long run(work *function, char *const *table, int (*threads_of_blas)(void), void (*set)(int),
         long most) {
    team *const t = &the_team;
    const int threads = threads_of_blas ? threads_of_blas() : 1;
    if (most > LARGEST) most = LARGEST;
    if (threads < 2 || pthread_mutex_trylock(&t->taken)) return function(table, NULL, 0, 1);
    t->members = start(t, threads < most ? threads : most);
    if (t->members == 1) {
        pthread_mutex_unlock(&t->taken);
        return function(table, NULL, 0, 1);
    }
    t->function = function, t->table = table;
    t->failing = t->failed = 0;
    atomic_store(&t->done, 0);
    const long before = atomic_load(&t->ended.count);
    set(1);
    for (long other = 1; other < t->members; ++other) tell(&t->begun[other]);
    long found = function(table, t, 0, t->members);
    wait_for(&t->ended, before);
    if (t->failed) found = t->failed;
    set(threads);
    pthread_mutex_unlock(&t->taken);
    return found;
}

static void set_up(event *e) {
    pthread_mutex_init(&e->door, NULL);
    pthread_cond_init(&e->bell, NULL);
}

/* In the child of a fork too, which has none of the threads. */
__attribute__((constructor)) static void begin(void) {
    the_team = (team){.meet = meet, .fail = fail, .taken = PTHREAD_MUTEX_INITIALIZER};
    for (int i = 0; i < LARGEST; ++i) set_up(&the_team.begun[i]);
    set_up(&the_team.ended);
    set_up(&the_team.met);
    static int told;
    if (!told++) pthread_atfork(NULL, NULL, begin);
}
