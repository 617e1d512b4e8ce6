package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The cache by itself: who stays and who goes. */
final class TranslationCacheTest {
    private static TranslationCache cache(int sets, int ways, Replacement replacement) {
        return new TranslationCache(new IotlbGeometry(sets, ways, replacement), 42);
    }

    private static long tag(TranslationCache cache, long page) {
        return cache.context(3) | page;
    }

    private static long find(TranslationCache cache, long page) {
        return cache.find(tag(cache, page));
    }

    private static long translation(long page) {
        return page << 10 | 3;
    }

    private static boolean touch(TranslationCache cache, long page) {
        long found = find(cache, page);
        if (found == TranslationCache.MISS) {
            cache.insert(tag(cache, page), translation(page));
            return false;
        }
        assertThat(found).isEqualTo(translation(page));
        return true;
    }

    @Test
    void shouldReplaceTheLeastRecentlyUsed() {
        TranslationCache iotlb = cache(1, 3, Replacement.LRU);
        touch(iotlb, 1);
        touch(iotlb, 2);
        touch(iotlb, 3);
        touch(iotlb, 1);
        touch(iotlb, 4);
        assertThat(find(iotlb, 2)).isEqualTo(TranslationCache.MISS);
        assertThat(find(iotlb, 1)).isEqualTo(translation(1));
        assertThat(find(iotlb, 3)).isEqualTo(translation(3));
        assertThat(iotlb.evictions()).isEqualTo(1);
    }

    @Test
    void shouldReplaceTheFirstToHaveCome() {
        TranslationCache iotlb = cache(1, 3, Replacement.FIFO);
        touch(iotlb, 1);
        touch(iotlb, 2);
        touch(iotlb, 3);
        touch(iotlb, 1);
        touch(iotlb, 4);
        assertThat(find(iotlb, 1)).isEqualTo(TranslationCache.MISS);
        assertThat(find(iotlb, 2)).isEqualTo(translation(2));
    }

    @Test
    void shouldReplaceAtRandomOnlyWithinTheSet() {
        TranslationCache iotlb = cache(2, 4, Replacement.RANDOM);
        touch(iotlb, 1);
        for (long page = 0; page < 2000; page += 2) {
            touch(iotlb, page);
        }
        assertThat(find(iotlb, 1)).isEqualTo(translation(1));
        assertThat(iotlb.evictions()).isEqualTo(1000 - 4);
    }

    @Test
    void shouldSpreadRandomVictimsOverAllWays() {
        TranslationCache iotlb = cache(1, 4, Replacement.RANDOM);
        for (long page = 0; page < 4; page++) {
            touch(iotlb, page);
        }
        for (long page = 100; page < 200; page++) {
            touch(iotlb, page);
        }
        for (long page = 0; page < 4; page++) {
            assertThat(find(iotlb, page)).isEqualTo(TranslationCache.MISS);
        }
    }

    @Test
    void shouldForgetOnePage() {
        TranslationCache iotlb = cache(2, 2, Replacement.LRU);
        touch(iotlb, 4);
        touch(iotlb, 6);
        iotlb.drop(tag(iotlb, 4));
        iotlb.drop(tag(iotlb, 8));
        assertThat(find(iotlb, 4)).isEqualTo(TranslationCache.MISS);
        assertThat(find(iotlb, 6)).isEqualTo(translation(6));
    }

    @Test
    void shouldForgetEverythingEvenAfterAllEpochsAreUsedUp() {
        TranslationCache iotlb = cache(4, 2, Replacement.LRU);
        touch(iotlb, 5);
        long rounds = 3L * TranslationCache.LAST_EPOCH + 10;
        for (long round = 0; round < rounds; round++) {
            iotlb.empty();
            if (find(iotlb, 5) != TranslationCache.MISS) {
                throw new AssertionError("page 5 came back in flush " + round);
            }
        }
        assertThat(touch(iotlb, 5)).isFalse();
        assertThat(touch(iotlb, 5)).isTrue();
        assertThat(iotlb.evictions()).isZero();
    }

    /** Under every policy but the random one, exactly the pages that lists of pages hold. */
    @ParameterizedTest
    @CsvSource({
        "LRU,8,4",
        "LRU,1,16",
        "LRU,16,1",
        "LRU,4,3",
        "FIFO,8,4",
        "FIFO,2,5",
        "PLRU,8,4",
        "PLRU,1,64",
        "PLRU,4,2",
        "PLRU,16,1",
        "PLRU,2,8"
    })
    void shouldDoWhatListsOfPagesDo(Replacement replacement, int sets, int ways) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        TranslationCache cache = cache(sets, ways, replacement);
        List<SetModel> model = new ArrayList<>();
        for (int set = 0; set < sets; set++) {
            model.add(new SetModel(replacement, ways));
        }
        int pages = 3 * sets * ways;
        long hits = 0;
        for (int step = 0; step < 50_000; step++) {
            // Some pages more often than others, so that sets are full and yet hit.
            long page = random.nextInt(1 + random.nextInt(pages));
            SetModel set = model.get((int) page & sets - 1);
            int action = random.nextInt(200);
            if (action == 0) {
                cache.empty();
                model.forEach(SetModel::clear);
            } else if (action == 1) {
                cache.dropRange(tag(cache, page), tag(cache, page + ways));
                for (long dropped = page; dropped < page + ways; dropped++) {
                    model.get((int) dropped & sets - 1).drop(dropped);
                }
            } else if (action < 20) {
                cache.drop(tag(cache, page));
                set.drop(page);
            } else {
                boolean hit = set.touch(page);
                assertThat(touch(cache, page)).as("seed=%d step=%d", seed, step).isEqualTo(hit);
                hits += hit ? 1 : 0;
            }
        }
        assertThat(hits).as("seed=%d", seed).isGreaterThan(10_000);
        assertThat(cache.evictions())
                .as("seed=%d", seed)
                .isEqualTo(model.stream().mapToLong(set -> set.evictions).sum());
    }

    /** One set, told in the plainest way: ways with a page or null, and an order or a tree. */
    private static final class SetModel {
        private final Replacement replacement;
        private final Long[] ways;

        /** Oldest first. */
        private final List<Long> order = new ArrayList<>();

        /** Whether the victim is in the right half; children of n are 2 n and 2 n + 1. */
        private final boolean[] right;

        private long evictions;

        SetModel(Replacement replacement, int ways) {
            this.replacement = replacement;
            this.ways = new Long[ways];
            right = new boolean[ways];
        }

        void clear() {
            Arrays.fill(ways, null);
            order.clear();
        }

        void drop(long page) {
            int way = Arrays.asList(ways).indexOf(page);
            if (way >= 0) {
                ways[way] = null;
                order.remove(page);
            }
        }

        boolean touch(long page) {
            int way = Arrays.asList(ways).indexOf(page);
            boolean hit = way >= 0;
            if (!hit) {
                way = Arrays.asList(ways).indexOf(null);
                if (way < 0) {
                    way = victim();
                    order.remove(ways[way]);
                    evictions++;
                }
                ways[way] = page;
                order.add(page);
            } else if (replacement == Replacement.LRU) {
                order.remove(page);
                order.add(page);
            }
            pointAway(1, 0, ways.length, way);
            return hit;
        }

        private void pointAway(int node, int from, int count, int way) {
            if (count > 1) {
                int half = count / 2;
                boolean inRight = way >= from + half;
                if (node < right.length) {
                    right[node] = !inRight;
                }
                pointAway(
                        2 * node + (inRight ? 1 : 0),
                        inRight ? from + half : from,
                        inRight ? count - half : half,
                        way);
            }
        }

        private int victim() {
            if (replacement != Replacement.PLRU) {
                return Arrays.asList(ways).indexOf(order.getFirst());
            }
            int from = 0;
            int node = 1;
            for (int count = ways.length; count > 1; count /= 2) {
                from += right[node] ? count / 2 : 0;
                node = 2 * node + (right[node] ? 1 : 0);
            }
            return from;
        }
    }

    @Test
    void shouldTellPrefetchedPagesFromOthersUntilTheyAreUsed() {
        TranslationCache cache = cache(4, 2, Replacement.LRU);
        long tag = tag(cache, 5);
        cache.insert(tag | TranslationCache.PREFETCHED, translation(5));
        assertThat(cache.find(tag)).isEqualTo(TranslationCache.MISS);
        assertThat(cache.holds(tag)).isTrue();
        assertThat(cache.findPrefetched(tag)).isEqualTo(translation(5));
        assertThat(cache.findPrefetched(tag)).isEqualTo(TranslationCache.MISS);
        assertThat(cache.find(tag)).isEqualTo(translation(5));
        cache.drop(tag);
        cache.insert(tag | TranslationCache.PREFETCHED, translation(5));
        cache.drop(tag);
        assertThat(cache.holds(tag)).isFalse();
        cache.insert(tag | TranslationCache.PREFETCHED, translation(5));
        cache.empty();
        assertThat(cache.findPrefetched(tag(cache, 5))).isEqualTo(TranslationCache.MISS);
        assertThat(cache.evictions()).isZero();
    }

    @Test
    void shouldKeepDomainsApart() {
        TranslationCache cache = cache(1, 8, Replacement.LRU);
        cache.insert(cache.context(1) | 7, translation(1));
        cache.insert(cache.context(2) | 7, translation(2));
        assertThat(cache.find(cache.context(1) | 7)).isEqualTo(translation(1));
        assertThat(cache.find(cache.context(2) | 7)).isEqualTo(translation(2));
        assertThat(cache.find(cache.context(0) | 7)).isEqualTo(TranslationCache.MISS);
        cache.dropRange(cache.context(1), cache.context(2));
        assertThat(cache.find(cache.context(1) | 7)).isEqualTo(TranslationCache.MISS);
        assertThat(cache.find(cache.context(2) | 7)).isEqualTo(translation(2));
    }

    @Test
    void shouldBeTheSameShapeInAnotherProcess() {
        for (Replacement replacement : Replacement.values()) {
            IotlbGeometry small = new IotlbGeometry(1, 2, replacement);
            assertThat(IotlbGeometry.ofCode(small.code())).isEqualTo(small);
            IotlbGeometry large = new IotlbGeometry(1024, 64, replacement, 64, 4096, 32);
            assertThat(IotlbGeometry.ofCode(large.code())).isEqualTo(large);
        }
        long good = IotlbGeometry.DEFAULT.code();
        long[] wrong = {0, -1, good | 1L << 62, good | 15 << 20, good | 0xff, good | 3L << 32};
        for (long code : wrong) {
            assertThatThrownBy(() -> IotlbGeometry.ofCode(code))
                    .as("0x%x", code)
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void shouldRefuseShapesThatCannotBe() {
        assertThatThrownBy(() -> new IotlbGeometry(3, 1, Replacement.LRU))
                .hasMessageContaining("sets=3");
        assertThatThrownBy(() -> new IotlbGeometry(1, 0, Replacement.LRU))
                .hasMessageContaining("ways=0");
        assertThatThrownBy(() -> new IotlbGeometry(65_536, 2, Replacement.LRU))
                .hasMessageContaining("more than 65536");
        assertThatThrownBy(() -> new IotlbGeometry(Integer.MIN_VALUE, 1, Replacement.LRU))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new IotlbGeometry(1, 1, null)).hasMessageContaining("replacement");
        assertThatThrownBy(() -> new IotlbGeometry(4, 3, Replacement.PLRU))
                .hasMessageContaining("ways of a tree=3");
        assertThatThrownBy(() -> new IotlbGeometry(1, 128, Replacement.PLRU))
                .hasMessageContaining("to 64");
        assertThatThrownBy(() -> IotlbGeometry.DEFAULT.withAts(3)).hasMessageContaining("ats=3");
        assertThatThrownBy(() -> IotlbGeometry.DEFAULT.withAts(-1)).hasMessageContaining("ats=-1");
        assertThatThrownBy(() -> IotlbGeometry.DEFAULT.withPrefetch(33))
                .hasMessageContaining("prefetch=33");
        assertThatThrownBy(() -> new IotlbGeometry(2, 2, Replacement.LRU).withPrefetch(4))
                .hasMessageContaining("would replace all of it");
        assertThatThrownBy(() -> IotlbGeometry.DEFAULT.withSuperpages(65))
                .hasMessageContaining("superpages=65");
    }
}
