package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class IotlbTest {
    private static Iotlb cache(int sets, int ways, Replacement replacement) {
        return new Iotlb(new IotlbGeometry(sets, ways, replacement));
    }

    private static long translation(long page) {
        return page << 10 | 3;
    }

    private static boolean touch(Iotlb iotlb, long page) {
        long found = iotlb.lookup(page);
        if (found == Iotlb.MISS) {
            iotlb.insert(page, translation(page));
            return false;
        }
        assertThat(found).isEqualTo(translation(page));
        return true;
    }

    @Test
    void shouldReplaceTheLeastRecentlyUsed() {
        Iotlb iotlb = cache(1, 3, Replacement.LRU);
        touch(iotlb, 1);
        touch(iotlb, 2);
        touch(iotlb, 3);
        touch(iotlb, 1);
        touch(iotlb, 4);
        assertThat(iotlb.lookup(2)).isEqualTo(Iotlb.MISS);
        assertThat(iotlb.lookup(1)).isEqualTo(translation(1));
        assertThat(iotlb.lookup(3)).isEqualTo(translation(3));
        assertThat(iotlb.evictions()).isEqualTo(1);
    }

    @Test
    void shouldReplaceTheFirstToHaveCome() {
        Iotlb iotlb = cache(1, 3, Replacement.FIFO);
        touch(iotlb, 1);
        touch(iotlb, 2);
        touch(iotlb, 3);
        touch(iotlb, 1);
        touch(iotlb, 4);
        assertThat(iotlb.lookup(1)).isEqualTo(Iotlb.MISS);
        assertThat(iotlb.lookup(2)).isEqualTo(translation(2));
    }

    @Test
    void shouldReplaceAtRandomOnlyWithinTheSet() {
        Iotlb iotlb = cache(2, 4, Replacement.RANDOM);
        touch(iotlb, 1);
        for (long page = 0; page < 2000; page += 2) {
            touch(iotlb, page);
        }
        assertThat(iotlb.lookup(1)).isEqualTo(translation(1));
        assertThat(iotlb.evictions()).isEqualTo(1000 - 4);
    }

    @Test
    void shouldSpreadRandomVictimsOverAllWays() {
        Iotlb iotlb = cache(1, 4, Replacement.RANDOM);
        for (long page = 0; page < 4; page++) {
            touch(iotlb, page);
        }
        for (long page = 100; page < 200; page++) {
            touch(iotlb, page);
        }
        for (long page = 0; page < 4; page++) {
            assertThat(iotlb.lookup(page)).isEqualTo(Iotlb.MISS);
        }
    }

    @Test
    void shouldForgetOnePage() {
        Iotlb iotlb = cache(2, 2, Replacement.LRU);
        touch(iotlb, 4);
        touch(iotlb, 6);
        iotlb.invalidate(4);
        iotlb.invalidate(8);
        assertThat(iotlb.lookup(4)).isEqualTo(Iotlb.MISS);
        assertThat(iotlb.lookup(6)).isEqualTo(translation(6));
        assertThat(iotlb.invalidations()).isEqualTo(2);
    }

    @Test
    void shouldForgetEverythingEvenAfterAllEpochsAreUsedUp() {
        Iotlb iotlb = cache(4, 2, Replacement.LRU);
        touch(iotlb, 5);
        long rounds = (1L << Long.SIZE - Iotlb.PAGE_BITS) + 10;
        for (long round = 0; round < rounds; round++) {
            iotlb.flush();
            if (iotlb.lookup(5) != Iotlb.MISS) {
                throw new AssertionError("page 5 came back in flush " + round);
            }
        }
        assertThat(iotlb.flushes()).isEqualTo(rounds);
        assertThat(touch(iotlb, 5)).isFalse();
        assertThat(touch(iotlb, 5)).isTrue();
        assertThat(iotlb.evictions()).isZero();
    }

    @ParameterizedTest
    @EnumSource(
            value = Replacement.class,
            names = {"LRU", "FIFO"})
    void shouldDoWhatListsOfPagesDo(Replacement replacement) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Iotlb iotlb = cache(8, 4, replacement);
        List<List<Long>> model = new ArrayList<>();
        for (int set = 0; set < 8; set++) {
            model.add(new ArrayList<>());
        }
        long hits = 0;
        for (int step = 0; step < 50_000; step++) {
            long page = random.nextInt(96);
            List<Long> set = model.get((int) page & 7);
            int action = random.nextInt(100);
            if (action == 0) {
                iotlb.flush();
                model.forEach(List::clear);
            } else if (action < 10) {
                iotlb.invalidate(page);
                set.remove(page);
            } else {
                boolean hit = set.contains(page);
                assertThat(touch(iotlb, page)).as("seed=%d step=%d", seed, step).isEqualTo(hit);
                hits += hit ? 1 : 0;
                if (hit && replacement == Replacement.LRU) {
                    set.remove(page);
                    set.add(page);
                } else if (!hit) {
                    if (set.size() == 4) {
                        set.removeFirst();
                    }
                    set.add(page);
                }
            }
        }
        assertThat(iotlb.hits()).isEqualTo(hits);
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
    }
}
