// Bodies of errors as sentilo.md §1.4 gives them. The numbers behind the codes are the milliseconds of the city's wall clock,
// which stands at 17/09/2012T13:34:45.123 when a fact begins.

import type { Expected } from './fact.ts';

const UNREADABLE = 'Bad request data: could not read JSON payload. Please review the following error and try again';

/** 400 SIE03 with a detail that the reference gives word for word. */
export const unreadable = (detail: string): Expected => ({
  status: 400,
  body: `{"code":400,"message":"SIE03-1347888885123  ${UNREADABLE}","errorDetails":["${detail}"]}`,
});

/** 400 SIE03 for JSON that cannot be read: the detail is a stack trace of Java, of which the reference gives no text. */
export const unreadableJson: Expected = {
  status: 400,
  body: /^\{"code":400,"message":"SIE03-1347888885123 {2}Bad request data: could not read JSON payload\. Please review the following error and try again","errorDetails":\["com\.fasterxml\.jackson\.[\w.]+Exception: (?:[^"\\]|\\[^n])+(?:\\n\\tat [\w.$/]+\([^)]+\))+\\n"\]\}$/,
};

/** 500 SIE99. */
export const internalError: Expected = {
  status: 500,
  body:
    '{"code":500,"message":"Something went wrong. Please try again. If the problem persists, contact your support site and ' +
    'provide the following error code: SIE99-1347888885123"}',
};

/** An error with these words, and no details. */
export const refused = (status: number, message: string): Expected => ({
  status,
  body: `{"code":${status},"message":"${message}"}`,
});

/** 404 for one resource, with its detail. */
export const rejected = (id: string, detail: string): Expected => ({
  status: 404,
  body:
    `{"code":404,"message":"Events associated with resources [${id}] have been rejected. See the error details to know about ` +
    `what went wrong in each case","errorDetails":["${detail}"]}`,
});
