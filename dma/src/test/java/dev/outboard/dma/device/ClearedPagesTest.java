package dev.outboard.dma.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class ClearedPagesTest {
    private int unrest;
    private final ClearedPages cleared = new ClearedPages(8, () -> unrest++);

    @Test
    void shouldCallNothingLateThatWasNeverCleared() {
        assertThat(cleared.mayBeLate(3)).isFalse();
    }

    @Test
    void shouldWantTwoEmptyLooksSinceTheFirstMayHaveBeenBeforeTheClearing() {
        cleared.note(3, 2);
        assertThat(cleared.mayBeLate(3)).isTrue();
        cleared.foundEmpty();
        assertThat(cleared.mayBeLate(4)).isTrue();
        cleared.foundEmpty();
        assertThat(cleared.mayBeLate(3)).isFalse();
        assertThat(cleared.mayBeLate(4)).isFalse();
    }

    @Test
    void shouldNoteThePagesOfTheRunAlone() {
        cleared.note(3, 2);
        assertThat(cleared.mayBeLate(2)).isFalse();
        assertThat(cleared.mayBeLate(5)).isFalse();
    }

    @Test
    void shouldNoteAgain() {
        cleared.note(3, 1);
        cleared.foundEmpty();
        cleared.foundEmpty();
        cleared.note(3, 1);
        cleared.foundEmpty();
        assertThat(cleared.mayBeLate(3)).isTrue();
    }

    @Test
    void shouldWantALookOnceWhenPagesAreClearedAfterAWhile() {
        assertThat(cleared.isQuiet()).isTrue();
        cleared.note(3, 1);
        cleared.note(4, 1);
        assertThat(cleared.isQuiet()).isFalse();
        cleared.foundEmpty();
        cleared.note(5, 1);
        cleared.foundEmpty();
        assertThat(cleared.isQuiet()).isFalse();
        assertThat(unrest).isEqualTo(1);
        cleared.foundEmpty();
        assertThat(cleared.isQuiet()).isTrue();
        cleared.note(5, 1);
        assertThat(unrest).isEqualTo(2);
    }
}
