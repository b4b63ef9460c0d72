"use strict";

/* Goes on to the other customer's host at once; without scripts somebody presses the button. */
document.getElementById("leave").submit();
