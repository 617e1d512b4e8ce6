package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Access;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Runs of frames, against a model that has a word for each frame. */
final class FrameSetTest {
    private static final int FRAMES = 400;

    private final FrameSet set = new FrameSet();

    /** What each frame may be mapped for, and by the upper bits which run it is in; 0 is none. */
    private final int[] model = new int[FRAMES];

    private int nextRun = 1;

    private void add(int frame, int frames, int access) {
        set.add(frame, frames, access);
        int mark = nextRun++ << 2 | access;
        for (int at = frame; at < frame + frames; at++) {
            model[at] = mark;
        }
    }

    private boolean isAnyPresent(int frame, int frames) {
        for (int at = frame; at < frame + frames; at++) {
            if (model[at] != 0) {
                return true;
            }
        }
        return false;
    }

    /** Whether all of them are of one run: frames between which none was taken away. */
    private boolean isOneRun(int frame, int frames) {
        for (int at = frame; at < frame + frames; at++) {
            if (model[at] == 0 || model[at] != model[frame]) {
                return false;
            }
        }
        return true;
    }

    @Test
    void shouldKnowWhatAModelKnows() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int step = 0; step < 20_000; step++) {
            int frame = random.nextInt(FRAMES - 1);
            int frames =
                    1 + random.nextInt(Math.min(FRAMES - frame, random.nextBoolean() ? 4 : 90));
            String where = "seed=%d step=%d".formatted(seed, step);
            boolean any = isAnyPresent(frame, frames);
            assertThat(set.overlaps(frame, frames)).as(where).isEqualTo(any);
            if (!any && random.nextInt(3) > 0) {
                add(frame, frames, 1 + random.nextInt(3));
            } else if (random.nextInt(4) == 0) {
                long before = set.epoch();
                set.remove(frame, frames);
                assertThat(set.epoch() > before).as(where).isEqualTo(any);
                for (int at = frame; at < frame + frames; at++) {
                    model[at] = 0;
                }
            }
            check(random, where);
        }
    }

    private void check(Random random, String where) {
        int present = 0;
        for (int mark : model) {
            present += mark == 0 ? 0 : 1;
        }
        assertThat(set.frames()).as(where).isEqualTo(present);
        for (int look = 0; look < 20; look++) {
            int frame = random.nextInt(FRAMES - 1);
            int frames = 1 + random.nextInt(Math.min(FRAMES - frame, 6));
            int found = set.find(frame, frames);
            assertThat(found >= 0).as(where).isEqualTo(isOneRun(frame, frames));
            assertThat(set.contains(frame, frames)).as(where).isEqualTo(found >= 0);
            if (found >= 0) {
                assertThat(set.access(found)).as(where).isEqualTo(model[frame] & Access.READ_WRITE);
            }
        }
    }

    /** Of a segment with holes its domains may map what is there, after a refusal as before. */
    @Test
    void shouldTakeOverWhatAnotherHas() {
        set.add(100, 50, Access.READ);
        set.remove(110, 5);
        set.remove(149, 10);
        FrameSet other = new FrameSet();
        other.addAll(set, 105, 200, Access.READ_WRITE);
        assertThat(other.frames()).isEqualTo(39);
        assertThat(other.framesIn(0, 115)).isEqualTo(5);
        assertThat(other.contains(105, 5)).isTrue();
        assertThat(other.contains(104, 1)).isFalse();
        assertThat(other.contains(115, 34)).isTrue();
        assertThat(other.contains(149, 1)).isFalse();
        assertThat(other.access(other.find(115, 1))).isEqualTo(Access.READ_WRITE);
    }
}
